"""The recipe: every key of training, its default, bounds and help."""
