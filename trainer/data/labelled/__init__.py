"""What people said of a line's frames, as pictures to learn from."""
