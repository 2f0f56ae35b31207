"""Lists, label files and layouts as people have them."""
