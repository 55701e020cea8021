"""How often each check fired, and the outcome: one small table for the report and MLflow."""

from __future__ import annotations

from typing import get_args

import pandas as pd

from tpige_kedro.prompts.checks import CheckName

COLUMNS = ["check", "failures", "samples", "model_text", "fell_back"]


def count_checks(enhanced_prompts: pd.DataFrame) -> pd.DataFrame:
    """A row for every check that fired.

    Args:
        enhanced_prompts: ``source`` and, where checks were kept, ``flags``: the names of the checks that fired, one per answer
            that failed them, separated by spaces.

    Returns:
        ``check``; ``failures``, how often it fired; ``samples``, in how many; of these, ``model_text`` ended with the model's own
        text and ``fell_back`` with the clause from the reading or the prompt as it was.
    """
    if "flags" not in enhanced_prompts:
        return pd.DataFrame(columns=COLUMNS)
    fired = enhanced_prompts.assign(check=enhanced_prompts["flags"].fillna("").str.split())
    fired = fired.explode("check").dropna(subset="check")
    occurring = set(fired["check"])
    rows = []
    for check in (c for c in (*get_args(CheckName), "service") if c in occurring):
        mine = fired[fired["check"] == check]
        samples = mine.drop_duplicates("sample_id")
        own = int((samples["source"] == "model").sum())
        rows.append((check, len(mine), len(samples), own, len(samples) - own))
    return pd.DataFrame(rows, columns=COLUMNS)


def count_sources(enhanced_prompts: pd.DataFrame) -> dict[str, int]:
    """How many prompts ended as the model's text, with the clause, and as they were; the ends that occur."""
    if "source" not in enhanced_prompts:
        return {}
    found = enhanced_prompts["source"].value_counts()
    return {source: int(found[source]) for source in ("model", "clause", "none") if source in found}
