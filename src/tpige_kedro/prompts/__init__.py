"""Prompts as text: facial clauses, their insertion, and the checks on both. Pure Python, no Kedro, no model."""

from tpige_kedro.prompts.checks import failed_checks, is_verbatim
from tpige_kedro.prompts.clause import compose_clause, insert_clause

__all__ = ["compose_clause", "failed_checks", "insert_clause", "is_verbatim"]
