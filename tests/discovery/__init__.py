"""Discovery: packets and candidates as values, and the whole search in network namespaces."""
