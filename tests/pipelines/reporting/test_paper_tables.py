from __future__ import annotations

import json
import re

import pandas as pd
import pytest
from finished_run import MOE, FinishedRun

from project import ROOT
from tpige_kedro.metrics.overall import overall
from tpige_kedro.pipelines.reporting.nodes import draw_means, tabulate_paper
from tpige_kedro.pipelines.reporting.paper_tables import (
    EVALUATION,
    paper_tables,
    printed,
    published_rows,
)
from tpige_kedro.schemas import Reporting

TABLES = (
    ROOT / "tests" / "golden" / "metrics" / "overall.json"
)  # the paper's, whatever TPIGE_GOLDEN is
NAMES = {
    "gme_score": "gme",
    "cur_score": "cur",
    "arc_score": "arc",
    "motion_smoothness": "motion",
    "imaging_quality": "imaging",
    "overall": "overall_paper",
    "clip_score": "clip_x100",
    "face_feature_sqdist": "fid",
}
ROWS = {  # of tables 2-4 as the golden file calls them
    ("2", "Hailuo"): "Hailuo",
    ("2", "Phantom-14B"): "Phantom",
    ("2", "VACE-14B"): "VACE",
    ("2", "Ours"): "PE&GE",
    ("3", "Baseline"): "VACE",
    ("3", "+PE"): "PE",
    ("3", "+PE & IE"): "PE&IE",
    ("3", "+PE & GE"): "PE&GE",
    ("3", "MoE"): "MoE",
    ("4", "Phantom-14B"): "Phantom(sample)",
    ("4", "Phantom-Enhance"): "Phantom-Enhance",
}


def summary(*rows: tuple[str, str, float]) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {"variant": v, "metric": m, "mean": x, "low": x - 0.1, "high": x + 0.1, "n": 5}
            for v, m, x in rows
        ]
    )


def test_the_shipped_numbers_are_the_published_ones() -> None:
    known = {row["row"]: row for row in json.loads(TABLES.read_text())["rows"]}
    shipped = published_rows()
    checked = 0
    for row in shipped[shipped["table"] != "1"].to_dict("records"):
        expected = known[ROWS[row["table"], row["row"]]]
        for metric, name in NAMES.items():
            value = expected[name]
            assert (float(row[metric]) if row[metric] else None) == value, (row["row"], metric)
            checked += 1
        parts = {m: float(row[m]) for m in EVALUATION if row[m]}
        assert overall(parts) == pytest.approx(float(row["overall"]), abs=1e-4)
    assert checked == 11 * 8
    assert set(known) == set(ROWS.values())


def test_every_row_is_one_variant_of_the_parameters() -> None:
    named = {row.variant for table in paper_tables(summary()) for row in table.rows} - {""}
    assert named == {
        "hailuo", "phantom", "vace", "vace_pe", "vace_pe_ie", "vace_pe_ge", "vace_pe_cfg_matched",
        "phantom_pe_ge", "moe", "moe_held_out",
    }  # fmt: skip


def test_ours_is_printed_like_the_paper() -> None:
    assert printed("clip_score", 0.30529) == "30.53"
    assert printed("face_feature_sqdist", 217.318) == "217.32"
    assert printed("gme_score", 0.62168) == "0.6217" and printed("overall", float("nan")) == "–"
    tables = paper_tables(summary(("vace", "clip_score", 0.2941), ("vace", "overall", 0.5)))
    baseline = next(row for row in tables[2].rows if row.label == "Baseline")
    assert baseline.ours["clip_score"].text == "29.41" and baseline.ours["clip_score"].n == 5
    assert baseline.ours["clip_score"].spread == "[19.41, 39.41]"
    assert [t.is_ours for t in tables] == [False, True, True, False]


def test_the_csv_has_both_sources_in_one_unit() -> None:
    table = tabulate_paper(summary(("vace", "clip_score", 0.2941), ("vace", "overall", 0.5)))
    rows = table[(table["table"] == 3) & (table["row"] == "Baseline")].set_index("source")
    assert rows["clip_score"].tolist() == pytest.approx([29.41, 29.41])
    ends = ["clip_score_low", "clip_score_high", "overall_low", "overall_high"]
    assert rows.loc["this run", ends].tolist() == pytest.approx([19.41, 39.41, 0.4, 0.6])
    assert rows.loc["this run", "overall_n"] == 5 and pd.isna(rows.loc["paper", "overall_n"])
    assert len(table[table["source"] == "paper"]) == 14


def section(html: str) -> str:
    return re.search(r'<section id="paper">.*?</section>', html, re.S)[0]  # type: ignore[index]


def test_published_rows_stand_apart_unless_they_can_be_compared(run: FinishedRun) -> None:
    apart = section(run.report())
    ours, block = apart.split('<details class="published">')
    assert "0.5488" not in ours and "published</small>" not in ours
    assert "not comparable with this run" in block and "0.5488" in block and "1147.5" in block
    assert "this run" in ours
    beside = section(run.report(reporting=Reporting(published="beside")))
    assert "<details" not in beside and "not comparable" not in beside
    first = beside.index("0.5488")
    assert first < beside.index("vace<small>this run, n = 2</small>", first)
    assert "vace<small>this run, n = 2; in place of Baseline</small>" in ours
    assert "squared distance between face features" in beside


def test_the_plot_is_a_picture_of_its_own(run: FinishedRun) -> None:
    from xml.etree import ElementTree

    picture = ElementTree.fromstring(draw_means(run.comparison(), MOE))
    assert picture.tag.endswith("svg")
    assert len(list(picture.iter("{http://www.w3.org/2000/svg}circle"))) > 10
