"""Clips as files: opened within limits, and decoded as players show them."""
