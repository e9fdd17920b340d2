"""Several gateways in one process."""
