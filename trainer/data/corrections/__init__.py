"""What people corrected in a manifest, kept apart from what is generated."""
