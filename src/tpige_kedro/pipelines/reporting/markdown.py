"""Tables as Markdown with pipes, which GitHub, notebooks and pandoc read; names are escaped, notes are printed below."""

from __future__ import annotations

import re
from collections.abc import Sequence

from tpige_kedro.pipelines.reporting.print_form import Printed, PrintedCell, PrintedRow

SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|~])")


def escaped(text: str) -> str:
    r"""A text as Markdown shows it, in one line.

    >>> print(escaped("vace_pe | <b>FID*</b>"))
    vace\_pe \| \<b\>FID\*\</b\>
    """
    return SPECIAL.sub(r"\\\1", " ".join(text.split()))


def as_markdown(tables: Sequence[Printed]) -> str:
    """Tables one under another, each with its title and notes."""
    return "\n".join(map(_one, tables))


def _one(table: Printed) -> str:
    title = [f"### {escaped(table.title)}", ""]
    if not table.metrics or not table.rows:
        return "\n".join([*title, "Nothing was scored.", ""])
    width = len(table.heads) + len(table.metrics)
    lines = [
        _line([escaped(text) for text in (*table.heads, *table.metrics)]),
        _line(["---"] + ["---:"] * (width - 1)),
        *(_line(_cells(row, width)) for row in table.rows),
        "",
        *(f"{escaped(note)}  " for note in table.notes),
        "",
    ]
    return "\n".join([*title, *lines])


def _cells(row: PrintedRow, width: int) -> list[str]:
    labels = [escaped(label) for label in row.labels]
    if row.said:
        said = [*labels, f"*{escaped(row.said)}*"]
        return [*said, *[""] * (width - len(said))]
    return [*labels, *map(_number, row.cells)]


def _number(cell: PrintedCell) -> str:
    text = f"**{cell.text}**" if cell.mark else cell.text
    if cell.mark == "best_in_common":
        text += "†"
    count = f"(n = {cell.n})" if cell.n else ""
    return " ".join(filter(None, [text, escaped(cell.interval), count]))


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
