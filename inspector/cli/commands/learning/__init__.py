"""The commands by which people correct the model."""
