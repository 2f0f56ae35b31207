"""Whether the pictures of a source are good."""
