"""What the processes say to each other, and the sockets they say it over."""
