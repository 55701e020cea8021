"""Clips scored a minute, and the same the way of the authors' scripts."""
