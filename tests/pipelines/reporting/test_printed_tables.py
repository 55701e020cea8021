"""Tables as LaTeX and Markdown: structure, escapes, numbers, marks, and files."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from finished_run import OUT, FinishedRun
from printed import check_escapes, latex_rows, markdown_rows, plain

from tpige_kedro.datasets import PrintedTable, PrintedTableDataset
from tpige_kedro.metrics.declared import spec_of
from tpige_kedro.pipelines.reporting.latex import as_latex, escaped
from tpige_kedro.pipelines.reporting.markdown import as_markdown
from tpige_kedro.pipelines.reporting.print_differences import differences_in_print
from tpige_kedro.pipelines.reporting.print_form import Printed, PrintedCell, PrintedRow
from tpige_kedro.pipelines.reporting.tables import difference_rows
from tpige_kedro.schemas import Reporting

HOSTILE = {
    "specials": r"50 % of_a & b #1 {x} $5 ~ ^ \input{/etc/passwd}",
    "line": "two\nlines\tand a tab",
    "row": r"\\ \hline",
    "comment": "a % b",
    "dashes": "a--b---c",
    "pipes": "a | b <br> **c** `d` [e](f)",
    "option": "[0.5]",
    "star": "*a",
    "arrows": "x ↑ − – × † …",
    "brackets": "{{{",
    "spaces": "   ",
    "unicode": "ä 漢 é",
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_any_name_is_a_cell_of_its_own(text: str) -> None:
    check_escapes(escaped(text))
    rows = [
        PrintedRow((text, text), [PrintedCell("0.5", mark="best")]),
        PrintedRow((text,), (), text),
    ]
    table = Printed(text, [text, "n"], [text], rows, [text])
    found = latex_rows(as_latex(table))
    assert len(found) == 4 and found[0][1:] == ["n", escaped(text)]
    assert found[0][0].removeprefix("{}") == escaped(text)
    (shown,) = markdown_rows(as_markdown([table]))
    assert [len(row) for row in shown] == [3] * 3
    assert shown[1][0] == shown[1][1] and shown[1][2] == "**0.5**"
    once = " ".join(text.split())
    assert plain(shown[0][0]) == once.replace("**", "").replace("†", "").replace("\\", "").strip() or set(text) & set("{}$*\\†")  # fmt: skip


@pytest.mark.parametrize(
    ("cell", "in_latex", "in_markdown"),
    [
        (PrintedCell("0.5"), "0.5", "0.5"),
        (PrintedCell("0.5", mark="best"), r"\textbf{0.5}", "**0.5**"),
        (
            PrintedCell("0.5", mark="best_in_common", n=4),
            r"\textbf{0.5}$^{\dagger}$ {\scriptsize ($n=4$)}",
            "**0.5**† (n = 4)",
        ),
        (PrintedCell("0.5", n=4), r"0.5 {\scriptsize ($n=4$)}", "0.5 (n = 4)"),
        (PrintedCell("0.5", "[0.4, 0.6]"), "0.5", r"0.5 \[0.4, 0.6\]"),
    ],
)
def test_a_number_is_marked_by_how_it_was_found_best(
    cell: PrintedCell, in_latex: str, in_markdown: str
) -> None:
    table = Printed("t", ["v"], ["m"], [PrintedRow(("a",), [cell])], [])
    assert latex_rows(as_latex(table))[1][1] == in_latex
    assert f"| a | {in_markdown} |" in as_markdown([table])


def latex(run: FinishedRun, name: str) -> list[list[str]]:
    return latex_rows((run.root / OUT / name).read_text())


def markdown(run: FinishedRun, name: str) -> list[list[list[str]]]:
    return markdown_rows((run.root / OUT / name).read_text())


def test_all_files_are_there_and_well_formed(run: FinishedRun) -> None:
    run.report()
    out = run.root / OUT
    files = {file.name for file in out.glob("*.tex")} | {file.name for file in out.glob("*.md")}
    assert files == {
        *(
            "variant_table.tex",
            "variant_table_further.tex",
            "variant_table_differences.tex",
            "variant_table.md",
            "paper_tables.md",
        ),
        *(f"paper_tables_{number}.tex" for number in range(1, 5)),
    }
    for name in files:
        assert latex(run, name) if name.endswith(".tex") else markdown(run, name)
        assert "-0.000" not in (text := (out / name).read_text()) and "nan" not in text.lower()
    assert len(markdown(run, "paper_tables.md")) == 4
    assert len(markdown(run, "variant_table.md")) == 3


def test_both_say_the_same(run: FinishedRun) -> None:
    run.report()
    (of_markdown, *_), of_latex = (
        markdown(run, "variant_table.md"),
        latex(run, "variant_table.tex"),
    )
    assert [plain(cell) for cell in of_markdown[0]] == [plain(cell) for cell in of_latex[0]]
    by_name = {plain(row[0]): row for row in of_latex if row[0]}
    for row in of_markdown[1:]:
        other = by_name[plain(row[0])]
        means = [cell.split(" [")[0].split(" \\[")[0] for cell in row]
        if "skipped" not in row[2]:
            assert [plain(m).replace("–", "--") for m in means] == [plain(c) for c in other]


def test_numbers_are_those_of_the_table(run: FinishedRun) -> None:
    run.report()
    table = run.printed.load()["variant_table"].set_index("variant")
    rows = latex(run, "variant_table.tex")
    head = [plain(cell) for cell in rows[0]]
    place = head.index("Overall ↑")
    vace = next(i for i, row in enumerate(rows) if plain(row[0]) == "vace")
    assert plain(rows[vace][place]).split(" ")[0] == f"{table['overall']['vace']:.3f}"
    low, high = (table[f"overall_{end}"]["vace"] for end in ("low", "high"))
    assert plain(rows[vace + 1][place]) == f"[{low:.3f}, {high:.3f}]"
    assert rows[vace][1] == "2", "samples"


def test_differences_are_those_of_the_table(run: FinishedRun) -> None:
    run.report()
    table = run.inputs["variant_differences"]
    printed = latex(run, "variant_table_differences.tex")
    place = [plain(cell) for cell in printed[0]].index("Overall ↑")
    rows = [
        row for row in printed[1:] if row[0] and len(set(row)) > 1
    ]  # the notes span all columns
    found = {(plain(row[0]), plain(row[1])): plain(row[place]) for row in rows}
    expected = {
        (row.title, row.against_title): f"{row.cells['overall'].difference:+.3f}".replace("-", "−")
        for row in difference_rows(table)
    }
    assert found and {pair: text.rstrip("*") for pair, text in found.items()} == expected
    last = markdown(run, "variant_table.md")[-1]
    assert [plain(cell) for cell in last[0]] == [plain(cell) for cell in printed[0]]
    assert len(last) == 1 + len(expected)


def test_a_star_marks_a_difference_that_chance_does_not_explain() -> None:
    differences = pd.DataFrame(
        {"variant": "b", "against": "a", "metric": ["overall", "cur_score"], "difference": [0.1, -0.2],
         "low": [0.05, -0.3], "high": [0.15, -0.1], "n": [30, 28], "p": [0.04, 0.051], "p_holm": [0.05, 0.051]}
    )  # fmt: skip
    metrics = [spec_of(name) for name in ("overall", "cur_score")]
    (row,) = differences_in_print("d", difference_rows(differences), metrics, 0.95).rows
    assert [(cell.text, cell.n) for cell in row.cells] == [("+0.100*", 0), ("−0.200", 28)]
    assert row.labels == ("b", "a", "30")


def test_a_variant_that_was_skipped_says_why_across_the_row(run: FinishedRun) -> None:
    run.report()
    row = next(row for row in latex(run, "variant_table.tex") if row[0] == "hailuo")
    assert row[1] == "0" and set(row[2:]) == {r"\emph{skipped: MINIMAX\_API\_KEY is not set}"}


def test_small_negative_numbers(run: FinishedRun) -> None:
    scores = run.inputs["all_scores"].copy()
    scores["cur_score"] = [-0.0001, -0.25, -0.0002, math.nan]
    run.score(scores)
    run.report()
    for name in ("variant_table.tex", "paper_tables_2.tex"):
        text = (run.root / OUT / name).read_text()
        assert "$-$0." in text and "-0.0" not in text.replace("$-$0.0001", "").replace("$-$", "")
    assert "−0." in (run.root / OUT / "variant_table.md").read_text()


@pytest.mark.parametrize("published", ["beside", "apart"])
def test_the_papers_rows_are_marked_as_the_papers(run: FinishedRun, published: Any) -> None:
    run.report(reporting=Reporting(published=published))
    rows = [[plain(cell) for cell in row] for row in latex(run, "paper_tables_3.tex")]
    sources = [row[1] for row in rows if row[1] in ("paper", "this run")]
    assert sources.count("paper") == 5 and sources.count("this run") >= 3
    spans = [row[0] for row in rows if "not comparable" in row[0]]
    if published == "beside":
        assert not spans and sources[:2] == ["paper", "this run"]
    else:
        assert len(spans) == 1 and sources == sorted(sources, reverse=True), "ours first"
    baseline = next(row for row in rows if row[0] == "Baseline")
    assert baseline[1:5] == ["paper", "--", "29.41", "0.6217"]
    marked = [row for row in latex(run, "paper_tables_3.tex") if any("textbf" in c for c in row)]
    assert marked and all(row[1] != "paper" for row in marked), "the paper's are not judged here"


def test_nothing_scored(run: FinishedRun) -> None:
    scores = run.inputs["all_scores"]
    values = [c for c in scores if c not in ("sample_id", "variant") and not c.endswith("_reason")]
    run.score(scores.assign(**dict.fromkeys(values, math.nan)))
    run.report()
    assert "% Nothing was scored." in (run.root / OUT / "variant_table.tex").read_text()
    assert "Nothing was scored." in (run.root / OUT / "variant_table.md").read_text()
    assert latex(run, "paper_tables_2.tex")


def test_a_text_that_stays_is_not_written(tmp_path: Path) -> None:
    dataset = PrintedTableDataset(filepath=str(tmp_path / "t.parquet"), csv=True)
    table = pd.DataFrame({"a": [1]})
    dataset.save(PrintedTable(table, {".md": "x", "_2.tex": "y"}))
    assert {file.name for file in tmp_path.iterdir()} == {"t.parquet", "t.csv", "t.md", "t_2.tex"}
    pd.testing.assert_frame_equal(dataset.load(), table)
    before = {file: file.stat().st_mtime_ns for file in tmp_path.iterdir()}
    dataset.save(PrintedTable(table, {".md": "x", "_2.tex": "z"}))
    changed = {f.name for f, time in before.items() if f.stat().st_mtime_ns != time}
    assert changed == {"t_2.tex"}
