"""Reads the LaTeX and Markdown tables that we write, strictly: what they could not mean is an error."""

from __future__ import annotations

import re

SPAN = re.compile(r"\\multicolumn\{(\d+)\}\{l\}\{(.*)\}$")
COMMANDS = {
    *("textbf", "emph", "multicolumn", "scriptsize", "footnotesize", "uparrow", "downarrow", "times", "dagger"),
    *("textbackslash", "textasciitilde", "textasciicircum", "textless", "textgreater", "textbar", "ldots"),
    *("textasciigrave", "textperiodcentered"),
}  # fmt: skip


def latex_rows(text: str) -> list[list[str]]:
    """The cells of a tabular, those of a span repeated; the notes are rows of one span. Raises ``AssertionError`` on bad structure."""
    lines = [line for line in text.splitlines() if not line.startswith("%")]
    begin = re.fullmatch(r"\\begin\{tabular\}\{(l)(r+)\}", lines[0])
    assert begin and lines[-1] == r"\end{tabular}", lines[:1]
    width = 1 + len(begin[2])
    body = lines[1:-1]
    rules = [line for line in body if line in (r"\toprule", r"\midrule", r"\bottomrule")]
    assert rules[0] == r"\toprule" and rules[1] == r"\midrule" and rules[-1] == r"\bottomrule"
    assert body[0] == r"\toprule" and rules.count(r"\toprule") == rules.count(r"\bottomrule") == 1
    rows = []
    for line in body:
        if line in rules or line == r"\addlinespace":
            continue
        assert line.endswith(r" \\") and not line.startswith(("[", "*")), line
        check_escapes(line[:-3])
        cells = re.split(r"(?<!\\)&", line[:-3])
        found = []
        for cell in map(str.strip, cells):
            span = SPAN.match(cell)
            found += [span[2]] * int(span[1]) if span else [cell]
        assert len(found) == width, (len(found), width, line)
        rows.append(found)
    return rows


def check_escapes(line: str) -> None:
    """Braces are closed, commands are known, and nothing has a meaning that nobody meant."""
    bare = re.sub(r"\\[{}$&#%_]", "", line)
    depth = 0
    for mark in bare:
        depth += (mark == "{") - (mark == "}")
        assert depth >= 0, line
    assert depth == 0, line
    assert set(re.findall(r"\\([A-Za-z]+)", bare)) <= COMMANDS, line
    assert not re.search(r"\\[^A-Za-z]", bare), line
    outside = re.sub(r"\$[^$]*\$", "", bare)
    assert bare.count("$") % 2 == 0 and not re.search(r"[#%_^~]", outside), line
    assert not re.search(r"[−–↑↓×†…\0]", line), line


def markdown_rows(text: str) -> list[list[list[str]]]:
    """The rows of each table, the head first."""
    tables: list[list[list[str]]] = []
    for block in re.split(r"^### .*$", text, flags=re.MULTILINE)[1:]:
        lines = [line for line in block.splitlines() if line.startswith("|")]
        rows = [[c.strip() for c in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]
        if rows:
            assert len({len(row) for row in rows}) == 1, rows
            assert re.fullmatch(r"(---:?)+", "".join(rows[1])), rows[1]
            tables.append([rows[0], *rows[2:]])
    return tables


def plain(cell: str) -> str:
    """What a cell shows, without marks and escapes."""
    shown = re.sub(r"\\(?:textbf|emph)\{|\{\\scriptsize |\$\^\{\\dagger\}\$", "", cell)
    shown = re.sub(r"\$\\(up|down)arrow\$", lambda m: "↑" if m[1] == "up" else "↓", shown)
    return re.sub(r"\\(.)", r"\1", re.sub(r"(?<!\\)[{}$]|\*\*|†", "", shown)).strip()
