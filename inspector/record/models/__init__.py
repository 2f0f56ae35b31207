"""The models that the line knows, and which one is in force since when."""
