"""Structs that the record keeps as text or bytes: named keys of its own, so that the wire may change without them."""
