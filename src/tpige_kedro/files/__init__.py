"""Files as such: saved whole or not at all, and known by size and time. Nothing here knows what a file holds."""
