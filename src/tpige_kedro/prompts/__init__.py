"""Prompts as text: facial clauses, their insertion, and the checks on both. Pure Python, no Kedro, no model."""
