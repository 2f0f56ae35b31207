"""Frames to verdicts: tiles, batches, scores, regions."""
