from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from typing import Any

import pandas as pd
import pytest

from tpige_kedro.pipelines.reporting.nodes import (
    collect_failures,
    tabulate_variants,
    write_report,
)
from tpige_kedro.schemas import Moe, Reporting, Variant


class Elements(HTMLParser):
    """All elements as (tag, attributes), the text, and whether every tag is closed."""

    VOID = frozenset({"meta", "img", "link", "br", "line"})

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str]]] = []
        self.open: list[str] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.found.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: Any) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open[-1:] not in (["style"], ["script"]):
            self.text += data

    def having(self, *attributes: str) -> list[dict[str, str]]:
        return [a for _, a in self.found if all(name in a for name in attributes)]


@pytest.fixture
def page(call: Any) -> Elements:
    elements = Elements(call(write_report))
    assert elements.open == []  # well-formed
    return elements


def numbers(attributes: dict[str, str], *names: str) -> list[float]:
    return [float(attributes[f"data-{name}"]) for name in names]


def test_every_mean_is_the_summary_to_the_last_digit(page: Elements, run: dict[str, Any]) -> None:
    summary = run["variant_summary"].set_index(["variant", "metric"])
    shown = page.having("data-mean")
    assert len(shown) == len(summary)
    for cell in shown:
        row = summary.loc[(cell["data-variant"], cell["data-metric"])]
        expected = row[["mean", "low", "high", "n"]].astype(float).tolist()
        assert numbers(cell, "mean", "low", "high", "n") == pytest.approx(
            expected, rel=0, abs=0, nan_ok=True
        )


def test_differences_wins_and_scores_are_the_tables_too(
    page: Elements, run: dict[str, Any]
) -> None:
    differences = run["variant_differences"].set_index(["variant", "against", "metric"])
    shown = page.having("data-p-holm")
    assert len(shown) == len(differences)
    for cell in shown:
        row = differences.loc[(cell["data-variant"], cell["data-against"], cell["data-metric"])]
        got = numbers(cell, "difference", "low", "high", "p", "p-holm", "n")
        expected = row[["difference", "low", "high", "p", "p_holm", "n"]].astype(float).tolist()
        assert got == pytest.approx(expected, rel=0, abs=0, nan_ok=True)
    wins = {a["data-variant"]: numbers(a, "wins", "share") for a in page.having("data-wins")}
    assert wins == {
        r["variant"]: [r["wins"], r["share"]] for r in run["win_shares"].to_dict("records")
    }
    of_clips = [float(a["data-value"]) for a in page.having("data-value", "data-metric")]
    scored = run["all_scores"].dropna(subset="overall")
    assert sorted(of_clips)[-3:] == sorted(scored["face_feature_sqdist"])


def test_the_wide_table_says_the_same(call: Any, run: dict[str, Any]) -> None:
    table = call(tabulate_variants).set_index("variant")
    summary = run["variant_summary"].set_index(["variant", "metric"])
    assert table.loc["vace", "gme_score"] == summary.loc[("vace", "gme_score"), "mean"]
    assert table.loc["moe", "overall_high"] == summary.loc[("moe", "overall"), "high"]
    assert table.loc["vace_pe", "overall_n"] == 1
    assert table.loc["hailuo", "status"] == "skipped: MINIMAX_API_KEY is not set"
    assert pd.isna(table.loc["hailuo", "overall"])


def test_one_file_that_needs_nothing_from_elsewhere(page: Elements) -> None:
    for tag, attributes in page.found:
        assert tag not in {"link", "iframe"}
        assert "src" not in attributes or tag != "script"
        if tag == "img":
            assert attributes["src"].startswith("data:image/jpeg;base64,") and attributes["alt"]
        for name in ("href", "src", "poster"):
            assert not re.match(r"(https?:)?//", attributes.get(name, ""))


def test_clips_play_from_where_the_run_left_them(page: Elements) -> None:
    videos = [a["src"] for tag, a in page.found if tag == "video"]
    assert videos == [
        "../07_model_output/clips/vace/id1.mp4",
        "../07_model_output/clips/vace_pe/id1.mp4",
        "../07_model_output/clips/vace/id2.mp4",
    ]


def test_the_chosen_clip_is_marked_and_the_best_variant_too(page: Elements) -> None:
    marked = [a["data-variant"] for _, a in page.found if a.get("class") == "clip chosen"]
    assert marked == ["vace_pe", "vace"]
    assert page.text.count("✓ chosen") == 2
    best = [
        (a["data-variant"], a["data-metric"])
        for _, a in page.found
        if a.get("class") == "mean best"
    ]
    assert ("vace_pe", "overall") in best and ("vace", "face_feature_sqdist") in best
    assert not any(variant.startswith("moe") for variant, _ in best)
    assert len(best) == 8  # one in each column


def test_lower_is_better_for_distances(call: Any, run: dict[str, Any]) -> None:
    summary = run["variant_summary"].copy()
    rows = summary["metric"] == "face_feature_sqdist"
    summary.loc[rows, "mean"] = range(10, 10 + rows.sum())
    page = Elements(call(write_report, variant_summary=summary))
    best = {
        a["data-metric"]: a["data-mean"] for _, a in page.found if a.get("class") == "mean best"
    }
    assert float(best["face_feature_sqdist"]) == 10


def test_text_of_users_is_escaped_and_added_text_is_marked(call: Any, page: Elements) -> None:
    html = call(write_report)
    assert "<b>chef</b>" not in html and "&lt;b&gt;chef&lt;/b&gt;" in html
    assert "A &lt;b&gt;chef&lt;/b&gt;<mark>, an old man,</mark> cooks &amp; sings." in html
    assert "A <b>chef</b> cooks & sings." in page.text


def test_it_says_what_is_skipped_missing_failed_and_licensed(page: Elements) -> None:
    text = re.sub(r"\s+", " ", page.text)
    for words in (
        "A report",
        "Made up.",
        "seed 7",
        "skipped: MINIMAX_API_KEY is not set",
        "Without scores: vace_pe (no clip)",
        "sample id2: out of memory; set batch_size to 1",
        "terms of service",
        "some/where",
        "enhanced reference, similarity to the original 0.830",
        "3 clips scored",
        "squared distance between face features",
        "200 bootstrap resamples",
    ):
        assert words in text


def test_a_sample_without_a_choice_says_why(call: Any, run: dict[str, Any]) -> None:
    selection = run["selection"].assign(variant=[None, "vace"], reason=["vace: no face", None])
    text = Elements(call(write_report, selection=selection)).text
    assert "nothing: vace: no face" in text and text.count("✓ chosen") == 1


def test_a_clip_whose_frames_cannot_be_read_is_named_not_hidden(
    call: Any, run: dict[str, Any]
) -> None:
    strips = {k: v for k, v in run["strips"].items() if k != "vace/id1"}
    page = Elements(call(write_report, strips=strips))
    assert "The clip cannot be read: ../07_model_output/clips/vace/id1.mp4" in page.text
    assert len([tag for tag, _ in page.found if tag == "video"]) == 2


def test_many_samples_are_linked_instead_of_shown(call: Any) -> None:
    page = Elements(call(write_report, reporting=Reporting(embedded_samples=1)))
    assert [a["id"] for _, a in page.found if a.get("id", "").startswith("sample-")] == [
        "sample-id1"
    ]
    assert ("a", {"href": "contact_sheets/id2.png"}) in page.found


def test_a_new_variant_and_an_unknown_metric_need_no_code(call: Any, run: dict[str, Any]) -> None:
    variants = {**run["variants"], "mine": Variant(generator="wan")}
    row = {"variant": "mine", "metric": "my_metric", "mean": 0.25, "low": 0.0, "high": 1.0, "n": 3}
    summary = pd.concat([run["variant_summary"], pd.DataFrame([row])], ignore_index=True)
    page = Elements(call(write_report, variants=variants, variant_summary=summary))
    shown = [a for a in page.having("data-mean") if a["data-metric"] == "my_metric"]
    assert [a["data-mean"] for a in shown] == ["0.25"] and "my_metric" in page.text


def test_a_run_that_made_nothing_still_has_a_report(call: Any, run: dict[str, Any]) -> None:
    nothing = {
        name: run[name].head(0)
        for name in ("all_scores", "variant_summary", "variant_differences", "all_failures")
    }
    selection = run["selection"].assign(variant=None, reason="vace: no clip")
    page = Elements(
        call(write_report, **nothing, strips={}, selection=selection, moe=Moe(experts=("vace",)))
    )
    text = re.sub(r"\s+", " ", page.text)
    assert "Nothing was scored" in text and "Nothing to compare" in text
    assert "everything went through" in text and "No clip of this sample was scored" in text
    assert page.open == []


def test_failures_of_all_stages_are_in_one_table() -> None:
    issues = pd.DataFrame({"sample_id": ["bad"], "problem": ["no such file"]})
    failure = {"stage": "scoring.vace", "key": "id1", "error": "TpigeError", "message": "broken"}
    table = collect_failures(
        sample_issues=issues,
        failures_generation_vace={},
        failures_scoring_vace={"id1": lambda: failure},
    )
    assert table.values.tolist() == [
        ["samples", "bad", "no such file"],
        ["scoring.vace", "id1", "broken"],
    ]
    json.dumps(table.to_dict("records"))


def test_the_same_run_gives_the_same_page(call: Any) -> None:
    assert call(write_report) == call(write_report)
