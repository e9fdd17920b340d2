"""``smgwproxy doctor``."""
