"""What people read, in each language that there is."""
