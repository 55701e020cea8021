"""Seconds and memory of guidance at the published sizes, with random weights."""
