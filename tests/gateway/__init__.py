"""The gateway's side: what reaches the gateway, and what becomes of its answers."""
