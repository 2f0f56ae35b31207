"""Process life: start, watch, replace, reload, stop."""
