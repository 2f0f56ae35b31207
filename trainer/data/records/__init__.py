"""Records of a line as training data, and whose word their labels are."""
