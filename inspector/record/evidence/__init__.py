"""The pictures that are kept of frames, what pins them, and which are deleted first."""
