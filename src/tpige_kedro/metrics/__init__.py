"""Metrics: one file each, a pure function plus a thin scorer behind :mod:`.protocol`."""
