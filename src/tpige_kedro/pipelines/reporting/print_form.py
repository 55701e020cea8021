"""Tables as they are printed, before they are LaTeX or Markdown: heads, rows of short numbers, marks, and what has to be said below."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from tpige_kedro.metrics.columns import SELECTIONS
from tpige_kedro.metrics.declared import spec_of
from tpige_kedro.metrics.protocol import MetricSpec
from tpige_kedro.pipelines.reporting.comparison import Comparison
from tpige_kedro.pipelines.reporting.numbers import DASH, short, spread
from tpige_kedro.pipelines.reporting.paper_tables import VOTED, PaperCell, PaperRow, PaperTable
from tpige_kedro.pipelines.reporting.tables import TITLES, Cell, TableRow

Mark = Literal["", "best", "best_in_common"]
ARROWS = {"higher": "↑", "lower": "↓", "neither": ""}
OTHERS = "Published (TPIGE, Table {}): other models and photographs, not comparable with this run"
POINTS = "User study: points, 1 for a win, ½ for a draw, 0 for a loss, over n votes of raters who passed the attention pairs."
SQDIST = "* The squared distance between face features, which the paper prints as FID; no distribution is measured."


@dataclass(frozen=True)
class PrintedCell:
    """A number in print with its interval; ``n`` is 0 where it is over as many samples as the row says."""

    text: str = DASH
    interval: str = ""
    n: int = 0
    mark: Mark = ""


@dataclass(frozen=True)
class PrintedRow:
    """A row: its first columns in words, then a cell per metric; ``said`` stands across all of them where there are none.

    ``rule``: a line above it.
    """

    labels: Sequence[str]
    cells: Sequence[PrintedCell] = ()
    said: str = ""
    rule: bool = False


@dataclass(frozen=True)
class Printed:
    """A whole table: ``heads`` are the titles of the first columns, ``metrics`` those of the others, with arrows to the better."""

    title: str
    heads: Sequence[str]
    metrics: Sequence[str]
    rows: Sequence[PrintedRow]
    notes: Sequence[str]


def variants_in_print(
    title: str, comparison: Comparison, metrics: Sequence[MetricSpec], confidence: float
) -> Printed:
    """The variants x metrics: the best is marked where samples allow one, n stands where samples are missing."""
    shown = [row for row in comparison.rows if row.absent or row.has(metrics)]
    rows = [_variant_row(row, metrics) for row in shown]
    first = next((i for i, row in enumerate(shown) if row.name in SELECTIONS), 0)
    if first:
        rows[first] = replace(rows[first], rule=True)
    names = [metric.name for metric in metrics]
    return Printed(
        title,
        ["Variant", "n"],
        [titled(metric.title, metric.better) for metric in metrics],
        rows,
        [*_notes(rows, confidence), *_undecided(comparison, names), *_sqdist(names)],
    )


def paper_in_print(
    table: PaperTable, comparison: Comparison, beside: bool, confidence: float
) -> Printed:
    """A table in the paper's layout: ``beside`` puts this run's rows under the published ones, else those follow, marked as others."""
    metrics = list(table.head)
    if beside:
        rows = [row for line in table.rows for row in _both(line, metrics, comparison)]
    else:
        rows = [_ours(line, metrics, comparison) for line in table.rows if line.ours]
        rows.append(PrintedRow((), said=OTHERS.format(table.number), rule=bool(rows)))
        rows += [_published(line, metrics) for line in table.rows if line.published]
    heads = [
        titled(head, spec_of(name, comparison.declared).better) for name, head in table.head.items()
    ]
    notes = [
        *_notes(rows, confidence),
        "CLIPScore is multiplied by 100.",
        *_sqdist(metrics),
        *_votes(table),
    ]
    title = f"Table {table.number}. {table.title}"
    return Printed(title, ["Method", "Source", "n"], heads, rows, notes)


def _variant_row(row: TableRow, metrics: Sequence[MetricSpec]) -> PrintedRow:
    if row.absent:
        return PrintedRow((row.title, "0"), said=row.absent)
    cells = [_cell(row.cells.get(metric.name), int(row.n)) for metric in metrics]
    return PrintedRow((row.title, row.n), cells)


def _cell(cell: Cell | None, usual: int) -> PrintedCell:
    if cell is None:
        return PrintedCell()
    mark: Mark = "" if not cell.best else "best_in_common" if cell.basis else "best"
    n = 0 if cell.n == usual else cell.n
    return PrintedCell(short(cell.mean), spread(cell.low, cell.high), n, mark)


def _both(row: PaperRow, metrics: Sequence[str], comparison: Comparison) -> Iterator[PrintedRow]:
    if row.published:
        yield _published(row, metrics)
    if row.ours:
        yield _ours(row, metrics, comparison)


def _published(row: PaperRow, metrics: Sequence[str]) -> PrintedRow:
    cells = [_paper_cell(row.published.get(name), 0) for name in metrics]
    return PrintedRow((row.label, "paper", DASH), cells)


def _ours(row: PaperRow, metrics: Sequence[str], comparison: Comparison) -> PrintedRow:
    cells = []
    for name in metrics:
        usual = 0 if name == VOTED else row.n
        best, cell = comparison.bests.get(name), _paper_cell(row.ours.get(name), usual)
        if best is not None and row.variant in best.variants:
            mark: Mark = "best" if best.all_same else "best_in_common"
            cell = replace(cell, mark=mark)
        cells.append(cell)
    title = TITLES.get(row.variant, row.variant)
    return PrintedRow((title, "this run", str(row.n)), cells)


def _paper_cell(cell: PaperCell | None, usual: int) -> PrintedCell:
    if cell is None or cell.text == DASH:
        return PrintedCell()
    n = 0 if cell.n == usual else cell.n
    return PrintedCell(cell.text.replace("-", "−"), cell.spread.replace("-", "−"), n)


def titled(title: str, better: str) -> str:
    """A metric's title with an arrow to the better."""
    return f"{title} {ARROWS[better]}".rstrip()


def _notes(rows: Sequence[PrintedRow], confidence: float) -> Iterator[str]:
    """What intervals, marks and counts mean, as far as there are any."""
    cells = [cell for row in rows for cell in row.cells]
    if any(cell.interval for cell in cells):
        yield f"In brackets: {100 * confidence:g} % bootstrap intervals."
    marks = {cell.mark for cell in cells}
    if marks & {"best", "best_in_common"}:
        yield "Bold: the best variant of this run; selections do not compete."
    if "best_in_common" in marks:
        yield "†: best by the samples that all variants have, since the means are over different samples."
    if any(cell.n for cell in cells):
        yield "n stands where samples are missing."


def _undecided(comparison: Comparison, names: Sequence[str]) -> Iterator[str]:
    titles = [metric.title for metric in comparison.undecided if metric.name in names]
    if titles:
        yield f"No variant is called best in {', '.join(titles)}: too few samples are common to all."


def _votes(table: PaperTable) -> Iterator[str]:
    if any(VOTED in row.ours for row in table.rows):
        yield POINTS


def _sqdist(names: Sequence[str]) -> Iterator[str]:
    if "face_feature_sqdist" in names:
        yield SQDIST
