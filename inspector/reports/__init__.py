"""What is drawn and written of a piece for those who judge it: the map, and the report that holds it.

A `*_section` makes a part of the report ready; its template, of the same name, says how it looks. `map/` draws the map.
"""
