"""Pixels to decision: all that training and serving share."""
