"""What MLflow is told about the redrawn references: each beside its original, and how similar they are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from tpige_kedro.hooks.mlflow_runs import RunLog
from tpige_kedro.pipelines.reporting.samples import enhanced_label
from tpige_kedro.pipelines.reporting.sheets import Row, Sheet, draw_sheet

SHOWN = 24  # samples on the sheet
COLUMNS = ("chosen", "similarity", "reason", "reference_prompt", "seed")


def log_references(log: RunLog, catalog: Any) -> None:
    """The table of choices, their mean similarity and number, and the sheet of before and after."""
    records = {key: load() for key, load in catalog.load("enhanced_reference_records").items()}
    if not records:
        return
    log.log_table(log.parent, reference_table(records), "enhanced_references.json")
    log.log_metrics(log.parent, reference_metrics(records))
    sheet = before_and_after(
        records, catalog.load("references"), catalog.load("enhanced_references")
    )
    log.log_picture(log.parent, sheet, "references_before_after.png")


def reference_table(records: Mapping[str, Mapping[str, Any]]) -> pd.DataFrame:
    """A row per sample: what was chosen and why, and the similarity (cosine) of the chosen picture to the original."""
    rows = [
        {"sample_id": key, **{name: record.get(name) for name in COLUMNS}}
        for key, record in sorted(records.items())
    ]
    return pd.DataFrame(rows)


def reference_metrics(records: Mapping[str, Mapping[str, Any]]) -> dict[str, float]:
    """How many were redrawn and how many kept, and the mean similarity of the redrawn ones."""
    found = reference_table(records)
    redrawn = found[found["chosen"] == "enhanced"]
    return {
        "references.redrawn": len(redrawn),
        "references.kept": len(found) - len(redrawn),
        "references.similarity.mean": pd.to_numeric(redrawn["similarity"]).mean(),
    }


def before_and_after(
    records: Mapping[str, Mapping[str, Any]], originals: Mapping[str, Any], drawn: Mapping[str, Any]
) -> Any:
    """A sheet of the first 24 samples: the original at the left, what is used instead at the right."""
    rows = [
        Row(
            heading=key,
            scores=enhanced_label(record),
            strip=drawn[key]().convert("RGB"),
            chosen=record.get("chosen") == "enhanced",
            reference=originals[record["reference"]](),
        )
        for key, record in sorted(records.items())
        if key in drawn and record.get("reference") in originals
    ]
    text = f"{len(rows[:SHOWN])} of {len(records)} samples: original, then the reference that variants see"
    return draw_sheet(Sheet("Enhanced references", text, (), rows[:SHOWN], frames=1, columns=3))
