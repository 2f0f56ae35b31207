"""Pictures to a manifest: found, read, known by content, grouped, split, augmented."""
