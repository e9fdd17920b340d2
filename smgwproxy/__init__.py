"""A transparent reverse proxy for a Smart Meter Gateway's HAN port, with certificates pinned on first use."""

__version__ = "0.1.0"
