"""Tables 1-4 in the paper's layout: the published rows as printed, and this run's row of the same variant.

``published.csv`` holds the paper's numbers digit for digit (CLIPScore times 100), and which variant of ours each row is.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

import pandas as pd

from tpige_kedro.metrics.columns import HELD_OUT
from tpige_kedro.pipelines.reporting.numbers import DASH, without_minus_zero

FILE = "published.csv"
TITLES = {
    1: "Challenge results of the top three teams",
    2: "Comparison of different methods",
    3: "Ablation of the enhancements and the MoE strategy",
    4: "Generalizability",
}
CHALLENGE = {"cur_score": "Face-Cur", "arc_score": "Face-Arc", "face_feature_sqdist": "FID*"} | {
    "clip_score": "ClipScore",
    "user_study": "User study",
    "rank": "Rank",
}
EVALUATION = {
    "clip_score": "CLIPScore",
    "gme_score": "GMEScore",
    "cur_score": "CurScore",
    "arc_score": "ArcScore",
    "motion_smoothness": "Motion",
    "imaging_quality": "Imaging",
    "face_feature_sqdist": "FID*",
    "overall": "Overall",
}
HEADS = {1: CHALLENGE, 2: EVALUATION, 3: EVALUATION, 4: EVALUATION}
PRINTED = {
    "clip_score": (100, 2),
    "face_feature_sqdist": (1, 2),
    "user_study": (1, 1),
}  # scale and decimals; else 1 and 4
VOTED = "user_study"  # whose n counts votes, not samples
FURTHER = {  # rows of ours that the paper does not have: (after the row, label, variant)
    3: (
        ("+PE & GE", "+PE, text guidance as with GE", "vace_pe_cfg_matched"),
        ("MoE", "MoE, metric held out", HELD_OUT),
    )
}


@dataclass(frozen=True)
class PaperCell:
    """A number as the paper prints it; for this run also the interval and over how many samples."""

    text: str
    spread: str = ""
    n: int = 0


@dataclass(frozen=True)
class PaperRow:
    """One method: what the paper prints (empty for rows of ours alone), and what this run found (empty if it did not)."""

    label: str
    variant: str
    published: Mapping[str, PaperCell]
    ours: Mapping[str, PaperCell]

    @property
    def n(self) -> int:
        """Over how many samples most of this run's means go."""
        return max((cell.n for name, cell in self.ours.items() if name != VOTED), default=0)


@dataclass(frozen=True)
class PaperTable:
    """One table: its number, title, columns (metric, head), and rows."""

    number: int
    title: str
    head: Mapping[str, str]
    rows: Sequence[PaperRow]

    @property
    def our_head(self) -> Mapping[str, str]:
        """The columns in which any row of this run has a value: what stands without the published rows."""
        cells = [(m, cell) for row in self.rows for m, cell in row.ours.items()]
        present = {metric for metric, cell in cells if cell.text != DASH}
        return {metric: head for metric, head in self.head.items() if metric in present}

    @property
    def is_ours(self) -> bool:
        """Whether this run has any row of it."""
        return any(row.ours for row in self.rows)


def published_rows() -> pd.DataFrame:
    """The paper's numbers as printed: all text, empty where the paper prints nothing."""
    with files(__package__).joinpath(FILE).open(encoding="utf-8") as file:
        return pd.read_csv(file, dtype=str, keep_default_na=False)


def printed(metric: str, value: float) -> str:
    """A value as the paper prints it: CLIPScore times 100, two decimals there and for the "FID", else four."""
    scale, decimals = PRINTED.get(metric, (1, 4))
    return without_minus_zero(f"{scale * value:.{decimals}f}") if math.isfinite(value) else DASH


def our_cells(summary: pd.DataFrame) -> dict[str, dict[str, PaperCell]]:
    """This run's cells by variant and metric."""
    cells: dict[str, dict[str, PaperCell]] = {}
    for row in summary.to_dict("records"):
        low, high = (printed(row["metric"], row[end]) for end in ("low", "high"))
        spread = "" if DASH in (low, high) else f"[{low}, {high}]"
        cell = PaperCell(printed(row["metric"], row["mean"]), spread, int(row["n"]))
        cells.setdefault(str(row["variant"]), {})[str(row["metric"])] = cell
    return cells


def paper_tables(summary: pd.DataFrame) -> list[PaperTable]:
    """Tables 1-4 with the published rows and this run's."""
    ours = our_cells(summary)
    tables = []
    for key, lines in published_rows().groupby("table"):
        number = int(str(key))
        further = {after: (label, name) for after, label, name in FURTHER.get(number, ())}
        rows = []
        for line in lines.to_dict("records"):
            shown = {m: PaperCell(line[m]) for m in HEADS[number] if line[m]}
            rows.append(
                PaperRow(line["row"], line["variant"], shown, ours.get(line["variant"], {}))
            )
            if line["row"] in further:
                label, name = further[line["row"]]
                rows.append(PaperRow(label, name, {}, ours.get(name, {})))
        if VOTED in HEADS[number]:
            rows += _voted_on(ours, [row.variant for row in rows])
        tables.append(PaperTable(number, TITLES[number], HEADS[number], rows))
    return tables


def _voted_on(ours: Mapping[str, Mapping[str, PaperCell]], there: Sequence[str]) -> list[PaperRow]:
    """Rows of the variants that people voted on, where they have none yet."""
    names = [name for name, cells in ours.items() if VOTED in cells and name not in there]
    return [PaperRow(name, name, {}, ours[name]) for name in names]


def long_table(summary: pd.DataFrame) -> pd.DataFrame:
    """Tables 1-4 for other programs: a line per row and source, this run's in full precision and the paper's units."""
    found = {(r["variant"], r["metric"]): r for r in summary.to_dict("records")}
    lines: list[dict[str, Any]] = []
    for table in paper_tables(summary):
        for row in table.rows:
            head: dict[str, Any] = {"table": table.number, "row": row.label, "variant": row.variant}
            if row.published:
                values = {m: float(cell.text) for m, cell in row.published.items()}
                lines.append({**head, "source": "paper", **values})
            if row.ours:
                metrics = [*EVALUATION, *({VOTED} & table.head.keys())]
                values = _exact(found, row.variant, metrics)
                lines.append({**head, "source": "this run", **values})
    columns = dict.fromkeys([*EVALUATION, *CHALLENGE])
    parts = [c for m in columns for c in (m, f"{m}_low", f"{m}_high", f"{m}_n")]
    kept = [c for c in parts if any(pd.notna(line.get(c)) for line in lines)]
    return pd.DataFrame(lines).reindex(columns=["table", "row", "variant", "source", *kept])


def _exact(
    found: Mapping[tuple[str, str], Mapping[Any, Any]], variant: str, metrics: Sequence[str]
) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for metric in metrics:
        row = found.get((variant, metric))
        if row and pd.notna(row["mean"]):
            scale = PRINTED.get(metric, (1, 4))[0]
            values[metric] = scale * row["mean"]
            values |= {f"{metric}_{end}": scale * row[end] for end in ("low", "high")}
            values[f"{metric}_n"] = row["n"]
    return values
