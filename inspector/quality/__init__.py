"""What a piece is: its defects, alarms, marks of rolls, what of it was inspected, its grade."""
