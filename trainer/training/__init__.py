"""Learning: batches, epochs, resuming, several processes."""
