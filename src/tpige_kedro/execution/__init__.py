"""How items are processed: what is pending, what is done, what failed."""
