"""The sums of each source: its own tally, its rows on record, and the gaps between them."""
