"""Weights: where they are, fetching them, checking that they are complete, loading them into networks, and what identifies them.

No other room talks to the hub or opens a checkpoint; what a network computes is not known here.
"""
