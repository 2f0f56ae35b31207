"""The map of a piece: what is drawn, and as SVG or PNG."""
