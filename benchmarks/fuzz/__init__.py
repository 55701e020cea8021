"""Damaged inputs of ten kinds: results, named errors, or faults of ours."""
