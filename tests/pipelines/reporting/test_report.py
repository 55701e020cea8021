from __future__ import annotations

import re
from typing import Any

import pandas as pd
import pytest
from elements import Elements
from finished_run import OUT, VARIANTS, FinishedRun, fill, status_table
from PIL import Image

from tpige_kedro import further
from tpige_kedro.errors import TpigeError
from tpige_kedro.execution.work import Result
from tpige_kedro.pipelines.reporting.nodes import tabulate_variants
from tpige_kedro.schemas import Moe, Variant


def numbers(attributes: dict[str, str], *names: str) -> list[float]:
    return [float(attributes[f"data-{name}"]) for name in names]


def test_every_mean_is_the_summary_to_the_last_digit(page: Elements, run: FinishedRun) -> None:
    summary = run.inputs["variant_summary"].set_index(["variant", "metric"])
    shown = page.having("data-mean")
    assert len(shown) == len(summary)
    for cell in shown:
        row = summary.loc[(cell["data-variant"], cell["data-metric"])]
        expected = row[["mean", "low", "high", "n"]].astype(float).tolist()
        assert numbers(cell, "mean", "low", "high", "n") == pytest.approx(
            expected, rel=0, abs=0, nan_ok=True
        )


def test_differences_wins_and_scores_are_the_tables_too(page: Elements, run: FinishedRun) -> None:
    differences = run.inputs["variant_differences"].set_index(["variant", "against", "metric"])
    shown = page.having("data-p-holm")
    assert len(shown) == len(differences)
    for cell in shown:
        row = differences.loc[(cell["data-variant"], cell["data-against"], cell["data-metric"])]
        got = numbers(cell, "difference", "low", "high", "p", "p-holm", "n")
        expected = row[["difference", "low", "high", "p", "p_holm", "n"]].astype(float).tolist()
        assert got == pytest.approx(expected, rel=0, abs=0, nan_ok=True)
    wins = {a["data-variant"]: numbers(a, "wins", "share") for a in page.having("data-wins")}
    assert wins == {
        r["variant"]: [r["wins"], r["share"]] for r in run.inputs["win_shares"].to_dict("records")
    }
    pages = [Elements(html) for html in run.pages().values()]
    of_clips = [
        float(a["data-value"]) for p in pages for a in p.having("data-value", "data-metric")
    ]
    scored = run.inputs["all_scores"].dropna(subset="overall")
    assert sorted(of_clips)[-3:] == sorted(scored["face_feature_sqdist"])


def test_the_wide_table_says_the_same(run: FinishedRun) -> None:
    table = tabulate_variants(run.comparison()).set_index("variant")
    summary = run.inputs["variant_summary"].set_index(["variant", "metric"])
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


def test_clips_play_from_where_the_run_left_them(page: Elements, run: FinishedRun) -> None:
    pages = [Elements(html) for html in run.pages().values()]
    videos = [a["src"] for own in pages for tag, a in own.found if tag == "video"]
    assert "video" not in [tag for tag, _ in page.found], "the report shows no samples itself"
    assert videos == [
        "../07_model_output/clips/vace/id1.mp4",
        "../07_model_output/clips/vace_pe/id1.mp4",
        "../07_model_output/clips/vace/id2.mp4",
    ]


def test_the_chosen_clip_is_marked_and_the_best_variant_too(
    page: Elements, run: FinishedRun
) -> None:
    pages = [Elements(html) for html in run.pages().values()]
    classes = [(a.get("class"), a.get("data-variant")) for own in pages for _, a in own.found]
    marked = [variant for name, variant in classes if name == "clip cell chosen"]
    assert marked == ["vace_pe", "vace"]
    assert [own.text.count("✓ chosen") for own in pages] == [1, 1]
    best = [
        (a["data-variant"], a["data-metric"])
        for _, a in page.found
        if a.get("class") == "mean best"
    ]
    assert ("vace_pe", "overall") in best and ("vace", "face_feature_sqdist") in best
    assert not any(variant.startswith("moe") for variant, _ in best)
    assert len(best) == 8  # one in each column


def test_lower_is_better_for_distances(run: FinishedRun) -> None:
    scores = run.inputs["all_scores"]
    run.score(scores[scores["sample_id"] == "id1"])  # both variants have it
    summary = run.inputs["variant_summary"].copy()
    rows = summary["metric"] == "face_feature_sqdist"
    summary.loc[rows, "mean"] = range(10, 10 + rows.sum())
    page = Elements(run.report(variant_summary=summary))
    best = {
        a["data-metric"]: a["data-mean"] for _, a in page.found if a.get("class") == "mean best"
    }
    assert float(best["face_feature_sqdist"]) == 10


def test_text_of_users_is_escaped_and_added_text_is_marked(run: FinishedRun) -> None:
    assert "<b>chef</b>" not in run.report()
    html = run.pages()["id1"]
    assert "<b>chef</b>" not in html and "&lt;b&gt;chef&lt;/b&gt;" in html
    assert "A &lt;b&gt;chef&lt;/b&gt;<mark>, an old man,</mark> cooks &amp; sings." in html
    assert "A <b>chef</b> cooks & sings." in Elements(html).text


def test_it_says_what_is_skipped_missing_failed_and_licensed(
    page: Elements, run: FinishedRun
) -> None:
    pages = "".join(Elements(html).text for html in run.pages().values())
    text = re.sub(r"\s+", " ", page.text + pages)
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


def test_a_sample_without_a_choice_says_why(run: FinishedRun) -> None:
    selection = run.inputs["selection"].assign(
        variant=[None, "vace"], reason=["vace: no face", None]
    )
    run.report(selection=selection)
    text = "".join(Elements(html).text for html in run.pages().values())
    assert "nothing: vace: no face" in text and text.count("✓ chosen") == 1


def test_a_clip_whose_frames_cannot_be_read_is_named_not_hidden(run: FinishedRun) -> None:
    garbage = run.root / "garbage.mp4"
    garbage.write_bytes(b"no video")
    clips = {key: Result(item.path) for key, item in run.given["clips"].load().items()}
    fill(run.given["clips"], {**clips, "vace/id1": Result(garbage)}, mark="imported")
    page = Elements(run.report())
    own = {key: Elements(html) for key, html in run.pages().items()}
    assert "The clip cannot be read: ../07_model_output/clips/vace/id1.mp4" in own["id1"].text
    assert [tag for o in own.values() for tag, _ in o.found].count("video") == 2
    (failure,) = run.tables["all_failures"].load().to_dict("records")
    assert (failure["stage"], failure["item"]) == ("strips", "vace/id1")
    assert "vace/id1.mp4 is not a readable clip" in failure["problem"]
    assert failure["problem"] in page.text


def test_every_sample_has_a_page_that_opens_from_disk(run: FinishedRun, page: Elements) -> None:
    pages = run.pages()
    assert list(pages) == ["id1", "id2"]
    own = Elements(pages["id2"])
    assert own.open == [] and ("base", {"href": "../"}) in own.found
    links = {a[name] for tag, a in own.found for name in ("href", "src") if name in a}
    files = {link for link in links if not link.startswith("data:")} - {"../"}
    clip = "../07_model_output/clips/vace/id2.mp4"
    assert files == {"report.html", "gallery.html", "gallery_data.js", clip}
    assert all((run.root / OUT / file).is_file() for file in files)
    assert not [a for a in own.having("href") if a["href"].startswith("#")], "base breaks anchors"


def test_ranks_count_among_the_clips_of_a_sample(run: FinishedRun, page: Elements) -> None:
    own = Elements(run.pages()["id1"])
    cells = [
        a for a in own.having("data-rank") if a["data-metric"] in ("overall", "face_feature_sqdist")
    ]
    assert [a["data-rank"] for a in cells] == ["2", "1", "1", "2"]  # lower is better in the second


def test_a_sample_whose_page_cannot_be_written_says_why(run: FinishedRun) -> None:
    def gone() -> Any:
        raise TpigeError("reference p2.jpg is gone; put the picture back and run again")

    references = {**run.inputs["references"], "p2.jpg": gone}
    page = Elements(run.report(references=references))
    assert "id2 has no page: reference p2.jpg is gone; put the picture back" in page.text
    assert list(run.made["sample_pages"].load()) == ["id1"]


def test_a_new_variant_and_an_unknown_metric_need_no_code(run: FinishedRun) -> None:
    status = status_table({**VARIANTS, "mine": Variant(generator="wan")})
    row = {"variant": "mine", "metric": "my_metric", "mean": 0.25, "low": 0.0, "high": 1.0, "n": 3}
    summary = pd.concat([run.inputs["variant_summary"], pd.DataFrame([row])], ignore_index=True)
    page = Elements(run.report(variant_status=status, variant_summary=summary))
    shown = [a for a in page.having("data-mean") if a["data-metric"] == "my_metric"]
    assert [a["data-mean"] for a in shown] == ["0.25"] and "my_metric" in page.text


def test_a_run_that_made_nothing_still_has_a_report(run: FinishedRun) -> None:
    for name in ("clips", "enhanced_references"):
        fill(run.given[name], {})
    tables = ("all_scores", "variant_summary", "variant_differences")
    nothing = {name: run.inputs[name].head(0) for name in tables}
    selection = run.inputs["selection"].assign(variant=None, reason="vace: no clip")
    page = Elements(run.report(**nothing, selection=selection, moe=Moe(experts=("vace",))))
    text = re.sub(r"\s+", " ", page.text)
    assert "Nothing was scored" in text and "Nothing to compare" in text
    assert "nothing failed" in text and "No clip was made" in text
    assert "No clip of this sample was scored" in Elements(run.pages()["id1"]).text
    assert page.open == []


def test_the_same_run_gives_the_same_page(run: FinishedRun) -> None:
    assert run.report() == run.report()


def test_all_pictures_of_a_person_are_shown(run: FinishedRun) -> None:
    others = {further.NAMES: ['["p1/2.jpg"]', ""], further.HASHES: ['["hash of 2"]', ""]}
    samples = run.inputs["checked_samples"].assign(**others)
    run.inputs["references"]["p1/2.jpg"] = lambda: Image.new("RGB", (40, 40), "navy")
    run.report(checked_samples=samples)
    pages = run.made["sample_pages"].load()
    assert "original reference 2" in pages["id1"].load()
    assert "original reference 2" not in pages["id2"].load()
