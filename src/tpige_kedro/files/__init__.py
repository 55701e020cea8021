"""Files in general: saved completely or not at all, and identified by size and time. Nothing here knows what a file holds."""
