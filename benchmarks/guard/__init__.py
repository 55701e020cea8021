"""The bounds of the regression guard in tests/evidence."""
