"""The pictures that are kept of frames, what pins them, and what goes first."""
