"""What people say of frames, kept for ever."""
