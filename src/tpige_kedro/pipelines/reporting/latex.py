r"""Tables as LaTeX with booktabs, to ``\input`` into your own float; names are escaped, notes are printed below."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from tpige_kedro.pipelines.reporting.numbers import DASH
from tpige_kedro.pipelines.reporting.print_form import Printed, PrintedCell, PrintedRow

SPECIAL = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    "`": r"\textasciigrave{}",
    "−": "$-$",
    DASH: "--",
    "↑": r"$\uparrow$",
    "↓": r"$\downarrow$",
    "×": r"$\times$",
    "·": r"\textperiodcentered{}",
    "†": r"$^{\dagger}$",
    "…": r"\ldots{}",
    **{mark: f"\\{mark}" for mark in "$&#%_"},
}
ORDER = re.compile("|".join(map(re.escape, SPECIAL)))
OPENING = "% Needs \\usepackage{booktabs}. If it is too wide, with graphicx: \\resizebox{\\textwidth}{!}{\\input{...}}"


def escaped(text: str) -> str:
    r"""A text as LaTeX prints it, in one line.

    >>> print(escaped("vace_pe & 50 % {of} #1"))
    vace\_pe \& 50 \% \{of\} \#1
    >>> print(escaped("a--b"))
    a-{}-b
    """
    line = " ".join(text.split()).replace("--", "-\0-")
    return ORDER.sub(lambda found: SPECIAL[found[0]], line).replace("\0", "{}")


def as_latex(table: Printed) -> str:
    """The table as ``tabular``; a comment alone where nothing was measured."""
    opening = [f"% {' '.join(table.title.split())}", OPENING]
    if not table.metrics or not table.rows:
        return "\n".join([*opening, "% Nothing was scored.", ""])
    first, width = len(table.heads), len(table.heads) + len(table.metrics)
    heads = [escaped(text) for text in (*table.heads, *table.metrics)]
    lines = [
        f"\\begin{{tabular}}{{l{'r' * (width - 1)}}}",
        "\\toprule",
        _line(heads),
        "\\midrule",
        *(line for i, row in enumerate(table.rows) for line in _row(row, i, first, width)),
        "\\bottomrule",
        *(
            f"\\multicolumn{{{width}}}{{l}}{{\\footnotesize {escaped(note)}}} \\\\"
            for note in table.notes
        ),
        "\\end{tabular}",
        "",
    ]
    return "\n".join([*opening, *lines])


def _row(row: PrintedRow, place: int, first: int, width: int) -> Iterator[str]:
    if row.rule:
        yield "\\midrule"
    elif place:
        yield "\\addlinespace"
    labels = [escaped(label) for label in row.labels]
    if row.said:
        span = width - len(labels)
        said = f"\\multicolumn{{{span}}}{{l}}{{\\emph{{{escaped(row.said)}}}}}"
        yield _line([*labels, said])
        return
    yield _line([*labels, *map(_number, row.cells)])
    if any(cell.interval for cell in row.cells):
        small = [f"{{\\scriptsize {escaped(cell.interval)}}}" if cell.interval else "" for cell in row.cells]  # fmt: skip
        yield _line([*[""] * first, *small])


def _number(cell: PrintedCell) -> str:
    text = escaped(cell.text)
    if cell.mark:
        text = f"\\textbf{{{text}}}"
    if cell.mark == "best_in_common":
        text += escaped("†")
    return f"{text} {{\\scriptsize ($n={cell.n}$)}}" if cell.n else text


def _line(cells: Sequence[str]) -> str:
    line = f"{' & '.join(cells)} \\\\".lstrip()
    return (
        f"{{}}{line}" if line[0] in "[*" else line
    )  # else what ends the row before takes it for an option
