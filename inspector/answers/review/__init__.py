"""What people should look at next, and how far they and the model agree."""
