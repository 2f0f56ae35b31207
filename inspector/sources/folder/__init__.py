"""The drop folder: which files are whole, claimed, put away."""
