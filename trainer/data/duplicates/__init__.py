"""Pictures that show the same strip twice."""
