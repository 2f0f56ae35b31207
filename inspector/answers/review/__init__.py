"""What people should look at next."""
