"""What is drawn and written of a piece for those who judge it: the map, and the report that holds it.

`coil_map` says what is drawn, `svg` and `raster` draw it; `report` writes the page, which `page` and `markup` keep
harmless.
"""
