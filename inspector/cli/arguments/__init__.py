"""What can be typed after `inspector`."""
