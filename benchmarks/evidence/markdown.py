"""Means, intervals and p values as Markdown."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pandas as pd

from benchmarks.guidance_cost.table import table

COMPARED = [
    "identity",
    "identity when seen",
    "text match",
    "gme_score",
    "imaging_quality",
    "overall",
]
DASH = "–"


def shown(mean: float, low: float, high: float, *, signed: bool = False) -> str:
    """0.613 [0.600, 0.626], with as many decimals as the interval warrants; a dash without a value."""
    if not np.isfinite(mean):
        return DASH
    known = np.isfinite(low) and np.isfinite(high)
    half = (high - low) / 2 if known else 0.0
    least = 1 if max(abs(mean), half) >= 10 else 3
    decimals = max(least, min(5, math.ceil(-math.log10(half)))) if half > 0 else least
    text = f"{mean:{'+' if signed else ''}.{decimals}f}"
    if known:
        text += f" [{low:.{decimals}f}, {high:.{decimals}f}]"
    return text.replace("-", "−")


def p_text(p: float) -> str:
    """A p value: < .001, 0.031."""
    return DASH if not np.isfinite(p) else "< .001" if p < 0.001 else f"{p:.3f}"


def title(measure: str) -> str:
    """A measure as it stands above a column."""
    return {"face_feature_sqdist": '"FID" ↓'}.get(measure, measure.replace("_", " "))


def folded(summary: str, lines: Iterable[str]) -> list[str]:
    """Lines that the page shows when asked to."""
    return ["<details>", f"<summary>{summary}</summary>", "", *lines, "</details>", ""]


def mean_table(
    part: pd.DataFrame,
    rows: Sequence[str],
    columns: Sequence[str],
    share: Mapping[str, str] | None = None,
) -> list[str]:
    """A line per row and a column per measure, means with intervals; ``share`` of rendered in front, if given."""
    cells = part.set_index(["row", "measure"])
    columns = [c for c in columns if c in set(part["measure"])]
    first = ("share of rendered",) if share else ()
    body = [
        (
            name,
            *((share.get(name, DASH),) if share else ()),
            *(_cell(cells, name, measure) for measure in columns),
        )
        for name in rows
        if name in set(part["row"])
    ]
    return table(("row", *first, *(title(c) for c in columns)), body)


def _cell(cells: pd.DataFrame, row: str, measure: str) -> str:
    if (row, measure) not in cells.index:
        return DASH
    return shown(*cells.loc[(row, measure), ["mean", "low", "high"]])


def compared_table(part: pd.DataFrame, pairs: Iterable[tuple[str, str]]) -> list[str]:
    """A line per comparison: n, and per measure difference, interval and corrected p."""
    measures = [m for m in COMPARED if m in set(part["measure"])]
    by_pair = {key: rows.set_index("measure") for key, rows in part.groupby(["row", "against"])}
    body = []
    for a, b in pairs:
        if (a, b) not in by_pair:
            continue
        found = by_pair[a, b]
        cells = [
            f"{shown(*found.loc[m, ['difference', 'low', 'high']], signed=True)}, p {p_text(found.loc[m, 'p_holm'])}"
            if m in found.index
            else DASH
            for m in measures
        ]
        body.append((f"{a} − {b}", int(found["n"].max()), *cells))
    return table(("difference", "n", *map(title, measures)), body)
