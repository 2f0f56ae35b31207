"""The labels that people give frames, kept for ever."""
