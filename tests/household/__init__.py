"""A normal household, end to end: machines in namespaces, and the programs that a new user runs on them."""
