"""Questions about a line and their typed answers: nothing here prints, parses options or draws."""
