"""Hand-made faults in the code: whether a test notices."""
