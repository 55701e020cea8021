"""How items are worked off: what is pending, what is done, what failed."""
