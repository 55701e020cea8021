"""A study of a finished run without people."""
