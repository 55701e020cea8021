"""One run with all that misled: a metric declared "lower is better", a variant with half its faces missing, a skipped variant.

It must come out right in the table, on the page, in the plot, in MLflow, in LaTeX and Markdown, and beside the chosen clips.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pandas as pd
import pytest
from elements import Elements
from finished_run import MODELS, MOE, NO_SETS, OUT, SCORING, STATISTICS, FinishedRun, clip, fill
from kedro.io import DataCatalog, MemoryDataset
from printed import latex_rows, markdown_rows, plain

from mlflow_store import Store
from tpige_kedro.execution.work import Result
from tpige_kedro.hooks.mlflow.client import GuardedClient, settle
from tpige_kedro.hooks.mlflow.results import Results, log_numbers, parent_artifacts
from tpige_kedro.hooks.mlflow.runs import RunLog
from tpige_kedro.hooks.mlflow.settings import MlflowSettings
from tpige_kedro.metrics.declared import declared_metrics
from tpige_kedro.metrics.overall import PAPER_WEIGHTS
from tpige_kedro.pipelines.moe_selection.nodes import (
    compare_variants,
    select_experts,
    share_wins,
    summarise_variants,
)
from tpige_kedro.pipelines.reporting.nodes import draw_means
from tpige_kedro.schemas import ModelSpec, Moe

SAMPLES = [f"id{i}" for i in range(1, 9)]
EXPERTS = Moe(experts=("hailuo", "vace", "vace_pe"), baseline="vace", resamples=200)
OWN = ModelSpec(type="own_scorer.OwnScorer", licence="tests")
WITH_OWN = {
    "params:models": {**MODELS, "own": OWN},
    "params:scoring": SCORING.model_copy(update={"scorers": ("face", "own")}),
    "params:moe": EXPERTS,
}
# what nobody may conclude: that vace is worse in roughness (the larger mean), or that vace_pe has the smaller face distance (it
# was measured on the four easy samples alone, and is larger there)
DISTANCE = {"vace": [1.0] * 4 + [5.0] * 4, "vace_pe": [2.0] * 4 + [math.nan] * 4}
ROUGH = {"vace": 0.5, "vace_pe": 2.0}


def score_table() -> pd.DataFrame:
    rows = []
    for variant in ("vace", "vace_pe"):
        for i, sample in enumerate(SAMPLES):
            parts = dict.fromkeys(PAPER_WEIGHTS, 0.5 + (i < 3) * (variant == "vace_pe") / 10)
            overall = parts["gme_score"]
            distance = DISTANCE[variant][i]
            own = {"roughness": ROUGH[variant] + i / 100, "length": 3.0 + i, "absent": math.nan}
            row = {**parts, "overall": overall, "face_feature_sqdist": distance, **own}
            row |= {"face_rate": 0.0 if math.isnan(distance) else 1.0, "clip_score": math.nan}
            reasons = {f"{m}_reason": "not seen" if math.isnan(v) else None for m, v in row.items()}
            rows.append({"sample_id": sample, "variant": variant, **row, **reasons})
    return pd.DataFrame(rows)


@pytest.fixture
def misleading(run: FinishedRun) -> FinishedRun:
    """The finished run with these scores in place of its own."""
    first = run.inputs["checked_samples"].iloc[[0] * len(SAMPLES)]
    samples = first.assign(sample_id=SAMPLES).reset_index(drop=True)
    scores = score_table()
    selection = select_experts(scores, samples, EXPERTS)
    scoring = WITH_OWN["params:scoring"]
    run.inputs |= {
        **WITH_OWN,
        "checked_samples": samples,
        "enhanced_prompts": samples.assign(enhanced_prompt=samples["prompt"]),
        "all_scores": scores,
        "selection": selection,
        "variant_summary": summarise_variants(scores, selection, NO_SETS, EXPERTS, scoring, 0),
        "variant_differences": compare_variants(scores, selection, EXPERTS, 0),
        "win_shares": share_wins(selection, scores, EXPERTS),
    }
    return run


def best_of(page: Elements) -> dict[str, str]:
    marked = [a for _, a in page.found if a.get("class") == "mean best"]
    return {a["data-metric"]: a["data-variant"] for a in marked}


def test_right_on_the_page(misleading: FinishedRun) -> None:
    html = misleading.report()
    page, text = Elements(html), re.sub(r"\s+", " ", Elements(html).text)
    best = best_of(page)
    assert best["roughness"] == "vace", "declared lower is better"
    assert best["face_feature_sqdist"] == "vace", "on the samples that both have"
    assert best["overall"] == "vace_pe" and "length" not in best
    assert 'title="bumps a frame, of the tests">Roughness (own)' in html
    assert "Roughness (own) lower is better" in text, "over its plot"
    headings = re.findall(r">(\S[^<>]*) (<span[^>]*is better|</th>)", html)
    assert {end for title, end in headings if title == "Length (own)"} == {"</th>"}, "no arrow"
    cell = next(
        a
        for a in page.having("data-mean")
        if (a["data-variant"], a["data-metric"]) == ("vace", "face_feature_sqdist")
    )
    assert "best by the 4 samples that all variants have" in cell["title"]
    row = re.search(
        r'<td[^>]*data-variant="vace_pe" data-metric="face_feature_sqdist".*?</td>', html
    )
    assert row and "<small>n = 4</small>" in row[0], "n where it differs"
    difference = next(
        a for a in page.having("data-p-holm") if a["data-metric"] == "roughness"
        and a["data-variant"] == "vace_pe"
    )  # fmt: skip
    assert difference["title"].endswith("; worse") and "worse" in difference["class"]
    assert float(difference["data-difference"]) > 0
    for gone in ("clip_score", "absent"):
        assert not [a for a in page.found if a[1].get("data-metric") == gone]
    assert "No clip has a value: CLIPScore; Absent (own)." in text
    assert "−0.000" not in text and "+0.000" not in text
    wins = {a["data-variant"] for a in page.having("data-wins")}
    assert wins == {"vace", "vace_pe"}, "the skipped one took no part"
    shares = [int(p) for p in re.findall(r"· (\d+) %", text)]
    assert sum(shares) == 100 and shares == [63, 37]
    assert page.open == []


def test_right_in_the_table(misleading: FinishedRun) -> None:
    misleading.report()
    table = misleading.printed.load()["variant_table"].set_index("variant")
    csv = pd.read_csv(misleading.root / OUT / "variant_table.csv", index_col="variant")
    for found in (table, csv):
        assert found["roughness_better"].eq("lower").all()
        assert found.index[found["roughness_best"]].to_list() == ["vace"]
        assert found.index[found["face_feature_sqdist_best"]].to_list() == ["vace"]
        assert not found["length_best"].any() and found["length_better"].eq("neither").all()
        counts = found["face_feature_sqdist_n"]
        assert (counts["hailuo"], counts["vace"], counts["vace_pe"]) == (0, 8, 4)
        assert not [c for c in found if c.startswith(("clip_score", "absent"))]
    paper = misleading.printed.load()["paper_tables"]
    assert "clip_score" in paper, "published beside"
    assert not [c for c in paper if c.startswith("clip_score_")], "nothing of this run"


def test_right_in_the_plot(misleading: FinishedRun) -> None:
    svg = draw_means(misleading.comparison(), MOE)
    name = "{http://www.w3.org/2000/svg}"
    panels = ElementTree.fromstring(svg).findall(f"{name}g")
    said = {p.find(f"{name}text").text: p for p in panels}  # type: ignore[union-attr]
    assert "Roughness (own) (lower is better)" in said
    assert "Length (own) (no direction is better)" in said
    assert not [title for title in said if title and title.startswith(("CLIPScore", "Absent"))]
    texts = [t.text for t in said["FID* (lower is better)"].iter(f"{name}text")]
    assert "n = 4" in texts and "n = 8" not in texts
    assert not [t.text for t in said["Overall (higher is better)"].iter() if t.text == "n = 4"]


def printed_tables(run: FinishedRun) -> Iterator[tuple[list[list[str]], bool]]:
    """Every table in print that has this run's variants: its rows, and whether it is LaTeX."""
    out = run.root / OUT
    for name in ("variant_table", "paper_tables_3"):
        yield latex_rows((out / f"{name}.tex").read_text()), True
    yield markdown_rows((out / "variant_table.md").read_text())[0], False
    yield markdown_rows((out / "paper_tables.md").read_text())[2], False


def test_right_in_latex_and_markdown(misleading: FinishedRun) -> None:
    misleading.report()
    for rows, is_latex in printed_tables(misleading):
        head = [plain(cell) for cell in rows[0]]
        cells = {
            (plain(row[0]), title): cell
            for row in rows
            for title, cell in zip(head, row, strict=True)
        }
        best = {
            title: {n for (n, t), c in cells.items() if t == title and ("textbf" in c or "**" in c)}
            for title in head
        }
        assert best["FID* ↓"] == {"vace"}, "on the samples that both have"
        assert best["Overall ↑"] == {"vace_pe"}
        if "Roughness (own) ↓" in head:
            assert best["Roughness (own) ↓"] == {"vace"}, "declared lower is better"
            assert best["Length (own)"] == set(), "no direction, no arrow, no best"
            assert "skipped" in cells["hailuo", "Overall ↑"], "the first column"
            assert not [title for title in head if title.startswith(("CLIPScore", "Absent"))]
        else:
            assert "hailuo" not in {name for name, _ in cells}
        mark = r"$^{\dagger}$" if is_latex else "†"
        assert mark in cells["vace", "FID* ↓"] and mark not in cells["vace_pe", "Overall ↑"]
        assert "4" in cells["vace_pe", "FID* ↓"].replace(" ", "").split("n=")[1]
        assert "n" not in plain(cells["vace", "FID* ↓"]), "n only where it differs"
    out = misleading.root / OUT
    for file in (*out.glob("*.tex"), *out.glob("*.md")):
        text = file.read_text()
        assert "-0.000" not in text and "−0.000" not in text
    said = (out / "variant_table.tex").read_text()
    assert "best by the samples that all variants have" in said


def test_right_beside_the_chosen_clips(misleading: FinishedRun) -> None:
    clips = {f"{v}/{s}": Result(clip(50 * i)) for i, v in enumerate(ROUGH) for s in SAMPLES}
    fill(misleading.given["clips"], clips, mark="all")
    misleading.report()
    out = misleading.root / OUT / "chosen"
    table = pd.read_csv(out / "chosen.csv", index_col="sample_id")
    assert table["variant"].to_list() == ["vace_pe"] * 3 + ["vace"] * 5, (
        "by the overall score alone"
    )
    assert "hailuo" not in set(table["variant"])
    assert table["roughness"]["id1"] == 2.0 and table["roughness"]["id4"] == 0.53
    assert not {"clip_score", "absent"} & set(table.columns), "empty in all rows"
    for sample, row in table.iterrows():
        source = misleading.given["clips"].path_of(f"{row['variant']}/{sample}")
        assert (out / row["clip"]).read_bytes() == source.read_bytes()


def test_a_chosen_clip_without_a_face_says_so(misleading: FinishedRun) -> None:
    choice = misleading.inputs["selection"].assign(variant="vace_pe")
    misleading.report(selection=choice)
    file = misleading.root / OUT / "chosen" / "chosen.csv"
    table = pd.read_csv(file, index_col="sample_id")
    assert table["face_feature_sqdist"].isna().to_list() == [False] * 4 + [True] * 4
    assert table["missing"].isna().to_list() == [True] * 4 + [False] * 4
    assert set(table["missing"].dropna()) == {"FID*: not seen"}


@pytest.fixture
def logged(misleading: FinishedRun, empty_store: Path, tmp_path: Path) -> Iterator[tuple[Any, Any]]:
    """The run in a real store: its parent, and the store."""
    file = tmp_path / "mlflow.db"
    file.write_bytes(empty_store.read_bytes())
    settle()
    client = GuardedClient(f"sqlite:///{file}")
    experiment = client.experiment("tests", (tmp_path / "artifacts").as_uri())
    log = RunLog(client, str(experiment.experiment_id), None, {})
    log.parent = client.create_run(log.experiment, tags={}, run_name="all").info.run_id
    for name in ("vace", "vace_pe"):
        tags = {"mlflow.parentRunId": log.parent, "variant": name}
        log.children[name] = client.create_run(log.experiment, tags=tags, run_name=name).info.run_id
    statistics = {name: misleading.inputs[name] for name in STATISTICS}
    given = {**misleading.inputs, "statistics": statistics}
    catalog = DataCatalog({n: MemoryDataset(v) for n, v in given.items()})
    results = Results(frozenset(("statistics", "selection")), catalog, MlflowSettings())
    log_numbers(log, results)
    for artifact in parent_artifacts(results, []):
        artifact.log(log, log.parent)
    store = Store(file)
    yield store.client.get_run(log.parent), store


def test_right_in_mlflow(logged: tuple[Any, Store]) -> None:
    parent, store = logged
    tags = parent.data.tags
    assert "roughness" in tags["tpige.better.lower"].split(", ")
    assert tags["tpige.better.neither"] == "length"
    assert "roughness" not in tags["tpige.better.higher"].split(", ")
    summary = store.table(parent, "variant_summary.json").set_index(["variant", "metric"])
    assert summary.loc[("vace", "roughness"), ["title", "better"]].to_list() == [
        "Roughness (own)", "lower",
    ]  # fmt: skip
    assert summary.loc[("vace_pe", "face_feature_sqdist"), "n"] == 4
    declared = store.table(parent, "metrics.json").set_index("metric")
    assert declared.loc["roughness", "source"] == "bumps a frame, of the tests"
    assert declared.loc["roughness", ["low", "high"]].to_list() == [0, 9]
    assert not {"absent", "clip_score"} & set(declared.index)
    wins = store.table(parent, "win_shares.json")
    assert wins["variant"].to_list() == ["vace", "vace_pe"]
    assert "reason" not in store.table(parent, "selection.json"), "empty in all rows"
    child = store.children(parent)["vace_pe"]
    assert child.data.tags["tpige.better.lower"] == tags["tpige.better.lower"]
    assert "| face_feature_sqdist | " in (said := child.data.tags["mlflow.note.content"])
    assert any(
        x.startswith("| face_feature_sqdist") and x.endswith("| 4 |") for x in said.splitlines()
    )
    assert not [m for m in child.data.metrics if m.startswith(("absent", "clip"))]


def test_a_column_that_no_scorer_declares_has_no_direction(run: FinishedRun) -> None:
    scores = run.inputs["all_scores"].assign(left_over=[0.1, 0.2, 0.3, math.nan])
    run.score(scores.assign(left_over_reason=None))
    html = run.report()
    assert "left_over" in html and "left_over" not in best_of(Elements(html))
    assert "no scorer of this run declares it" in html


@pytest.mark.parametrize(
    ("mine", "others", "best"),
    [
        ([3, 3, 3, 3], [2, 2, 2, 2], "vace"),
        ([3, 3, None, None], [4, 4, 0, 0], "vace_pe"),  # by the two that both have
        ([3, None, None, None], [2, 2, 2, 2], None),  # one of four says nothing
        ([3, 3, None, None], [None, None, 2, 2], None),  # equal n, other samples
        ([3, 3, 3, None], [2, 2, 2, None], "vace"),  # the same samples
        ([3, 3, 3, 3], [3, 3, 3, 3], "both"),
        ([None] * 4, [2, 2, 2, 2], "vace_pe"),  # nothing to compare with
    ],
)
def test_best_only_by_samples_that_all_have(
    mine: list[float | None], others: list[float | None], best: str | None
) -> None:
    from tpige_kedro.pipelines.reporting.best import best_variants

    names = [f"s{i}" for i in range(4)]
    tables = [
        pd.DataFrame(
            {"sample_id": names, "variant": v, "gme_score": pd.Series(values, dtype=float)}
        )
        for v, values in (("vace", mine), ("vace_pe", others))
    ]
    scores = pd.concat(tables)
    found = scores.groupby("variant")["gme_score"].agg(["mean", "count"]).reset_index()
    summary = found.rename(columns={"count": "n"}).assign(metric="gme_score")
    declared = declared_metrics(MODELS, SCORING)
    (result,) = best_variants(summary, scores, declared).values()
    expected = {"both": {"vace", "vace_pe"}, None: set[str]()}.get(best, {best})
    assert result.variants == expected
