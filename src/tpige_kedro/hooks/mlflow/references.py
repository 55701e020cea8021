"""What MLflow shows of the redrawn references: each beside its original, and how similar they are."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice
from typing import Any

import pandas as pd

from tpige_kedro.datasets.items import Item, Items
from tpige_kedro.datasets.pictures import References
from tpige_kedro.hooks.mlflow import artifacts
from tpige_kedro.pipelines.reporting.overview import enhanced_label
from tpige_kedro.pipelines.reporting.samples import Picture
from tpige_kedro.pipelines.reporting.sheets import Row, Sheet, draw_sheet, sheet_mark

SHOWN = 24  # samples on the sheet
COLUMNS = ("chosen", "similarity", "reason", "reference_prompt", "seed")


def reference_artifacts(
    table: pd.DataFrame, drawn: Items, originals: References
) -> list[artifacts.Artifact]:
    """The table of choices, and the sheet of before and after."""
    sheet = before_and_after(drawn, originals)
    picture = artifacts.picture(
        lambda: draw_sheet(sheet), sheet_mark(sheet), "references_before_after.png"
    )
    return [artifacts.table(table, "enhanced_references.json"), picture]


def reference_table(drawn: Items) -> pd.DataFrame:
    """A row per sample: what was chosen and why, and the similarity (cosine) of the chosen picture to the original."""
    records = ((key, item.record()) for key, item in sorted(drawn.items()))
    rows = [
        {"sample_id": key, **{name: record.get(name) for name in COLUMNS}}
        for key, record in records
    ]
    return pd.DataFrame(rows)


def reference_metrics(found: pd.DataFrame) -> dict[str, float]:
    """How many were redrawn and how many kept, and the mean similarity of the redrawn ones."""
    redrawn = found[found["chosen"] == "enhanced"]
    return {
        "references.redrawn": len(redrawn),
        "references.kept": len(found) - len(redrawn),
        "references.similarity.mean": pd.to_numeric(redrawn["similarity"]).mean(),
    }


def before_and_after(drawn: Items, originals: References) -> Sheet:
    """A sheet of the first 24 samples: the original at the left, what is used instead at the right."""
    shown = islice(drawn.values(), SHOWN)
    rows = [_row(item, item.record(), originals) for item in shown]
    text = f"{len(rows)} of {len(drawn)} samples: original, then the reference that variants see"
    return Sheet("Enhanced references", text, (), rows, frames=1, columns=3)


def _row(item: Item, record: Mapping[str, Any], originals: References) -> Row:
    name = record["reference"]
    known = name in originals
    return Row(
        heading=item.key,
        scores=enhanced_label(record),
        strip=Picture(item.mark, item.load),
        chosen=record.get("chosen") == "enhanced",
        reference=Picture(record["reference_hash"], originals[name]) if known else None,
    )
