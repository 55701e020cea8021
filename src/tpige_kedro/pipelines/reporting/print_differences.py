"""Paired differences as they are printed: a row for every comparison, a star where chance is unlikely."""

from __future__ import annotations

from collections.abc import Sequence

from tpige_kedro.metrics.protocol import MetricSpec
from tpige_kedro.pipelines.reporting.numbers import signed, spread
from tpige_kedro.pipelines.reporting.print_form import Printed, PrintedCell, PrintedRow, titled
from tpige_kedro.pipelines.reporting.tables import SURE, Difference, DifferenceRow

STAR = "*"


def differences_in_print(
    title: str, rows: Sequence[DifferenceRow], metrics: Sequence[MetricSpec], confidence: float
) -> Printed:
    """The comparisons that have a difference in one of the ``metrics``."""
    names = [metric.name for metric in metrics]
    printed = [_row(row, names) for row in rows if any(name in row.cells for name in names)]
    notes = [
        f"Paired differences on the same samples; in brackets: {100 * confidence:g} % bootstrap intervals.",
        f"{STAR}: p is at most {SURE:g} after Holm's correction for all comparisons in the column.",
    ]
    heads = [titled(metric.title, metric.better) for metric in metrics]
    return Printed(title, ["Variant", "Against", "n"], heads, printed, notes)


def _row(row: DifferenceRow, names: Sequence[str]) -> PrintedRow:
    usual = max(cell.n for cell in row.cells.values())
    cells = [_cell(row.cells.get(name), usual) for name in names]
    return PrintedRow((row.title, row.against_title, str(usual)), cells)


def _cell(cell: Difference | None, usual: int) -> PrintedCell:
    if cell is None:
        return PrintedCell()
    star = STAR if cell.sure else ""
    n = 0 if cell.n == usual else cell.n
    return PrintedCell(f"{signed(cell.difference)}{star}", spread(cell.low, cell.high), n)
