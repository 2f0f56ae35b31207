"""A frame on its way to a worker and onto the record, and back from a worker that is lost."""
