"""What long work shows: bars on a terminal, a line every 10 s elsewhere."""
