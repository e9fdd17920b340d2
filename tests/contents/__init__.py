"""What stands in a certificate."""
