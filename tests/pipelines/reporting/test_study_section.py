"""A study's results in the report and in Table 1: shown as they are, not shown when they are about other clips, absent without a study."""

from __future__ import annotations

import logging
from typing import Any

import pandas as pd
import pytest
from elements import Elements
from finished_run import MOE, SAMPLES, SCORING, FinishedRun

from tpige_kedro.pipelines.reporting.comparison import DeclaredScores, declare_scores
from tpige_kedro.pipelines.reporting.study import current_study, write_study
from tpige_kedro.pipelines.study.answers import (
    compare_metrics,
    count_votes,
    score_votes,
    summarise_votes,
)
from tpige_kedro.schemas import Study
from tpige_kedro.study.simulated import Behaviour, simulate_votes
from voting import pair_list

Tables = dict[str, pd.DataFrame]

CARELESS = ["r03", "r04"]
EVERYBODY = [f"r{i:02}" for i in range(8)]


def scores_of(run: FinishedRun) -> DeclaredScores:
    names = ("all_scores", "params:models", "params:scoring")
    return declare_scores(*(run.inputs[name] for name in names))


def study_of(run: FinishedRun, questions: tuple[str, ...], careless: list[str], least: float) -> Tables:  # fmt: skip
    """The results of a study of the run's clips with eight simulated raters."""
    pairs = pair_list(["vace", "vace_pe"], 2, repeats=1, swapped=1, attention=10)
    pairs["sample_id"] = pairs["sample_id"].map({"s00": SAMPLES[0], "s01": SAMPLES[1]})
    behaviour = Behaviour({"vace": 0.0, "vace_pe": 2.0}, 0.3, careless=careless)
    settings = Study(questions=questions, minimum_attention=least)
    votes = simulate_votes(pairs, EVERYBODY, behaviour, 2, questions=questions)
    votes.attrs = {"refused": ["bob.json: <b>another</b> study"]}
    scores = scores_of(run)
    counted = count_votes(votes, pairs, settings)
    scored = score_votes(counted, settings, MOE, 0)
    compared = compare_metrics(counted, scores, settings, SCORING, MOE, 0)
    clips = run.given["clips"].load()
    return summarise_votes(counted, scored, compared, scores, clips, settings)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> FinishedRun:
    """A run that tests do not change."""
    return FinishedRun(tmp_path_factory.mktemp("finished"))


@pytest.fixture(scope="module")
def results(finished: FinishedRun) -> Tables:
    return study_of(finished, ("overall", "likeness"), CARELESS, 0.75)


def section(run: FinishedRun, tables: Tables, scores: DeclaredScores | None = None) -> str:
    """The report's section on the study."""
    clips = run.given["clips"].load()
    return write_study(current_study(tables, clips, scores or scores_of(run)), MOE)


def our_tables(html: str) -> str:
    """The tables in the paper's layout without the published numbers."""
    return html.partition('<section id="paper">')[2].partition("<details")[0]


def test_without_a_study_there_is_no_section_no_column_and_no_link(finished: FinishedRun) -> None:
    html = finished.report()
    assert 'id="study"' not in html and "#study" not in html
    assert "User study" not in our_tables(html)
    table = pd.read_parquet(finished.root / "08_reporting/paper_tables.parquet")
    assert not [name for name in table if str(name).startswith("user_study_")]
    assert set(table.loc[table["user_study"].notna(), "source"]) == {"paper"}
    assert "votes" not in (finished.root / "08_reporting/paper_tables.md").read_text()
    assert section(finished, {}).strip() == ""


def test_the_report_has_the_section_and_table_1_the_points(
    finished: FinishedRun, results: Tables
) -> None:
    html = finished.report(study_results=results)
    assert Elements(html).open == [] and 'href="#study"' in html and '<section id="study">' in html
    scores = results["scores"].query("question == 'overall' and raters == 'kept'").set_index("variant")  # fmt: skip
    table = pd.read_parquet(finished.root / "08_reporting/paper_tables.parquet")
    ours = table[table["source"] == "this run"]
    first = ours[ours["table"] == 1].set_index("variant")
    for variant, row in scores.iterrows():
        assert first.loc[variant, "user_study"] == row["points"]
        assert first.loc[variant, "user_study_low"] == row["low"] * row["n"]
        assert first.loc[variant, "user_study_n"] == row["n"] == 12
    assert ours.loc[ours["table"] != 1, "user_study"].isna().all()
    points = f"{scores.loc['vace_pe', 'points']:.1f}"
    assert f"<b>{points}</b>" in our_tables(html) and "<small>12 votes</small>" in html
    markdown = (finished.root / "08_reporting/paper_tables.md").read_text()
    assert points in markdown and "1 for a win, ½ for a draw, 0 for a loss" in markdown
    assert points in (finished.root / "08_reporting/paper_tables_1.tex").read_text()
    # and the other numbers of Table 1 still count samples
    assert "this run, n = 2" in our_tables(html) and "this run, n = 12" not in html


def test_scores_raters_and_metrics_are_shown_before_and_after_exclusion(
    finished: FinishedRun, results: Tables
) -> None:
    text = section(finished, results)
    scores = results["scores"][results["scores"]["question"] == "overall"]
    assert "32 votes by 8 raters about clips of 2 samples" in text
    assert "2 raters answered fewer than 75 % of the attention pairs correctly" in text
    for row in scores[scores["raters"] == "kept"].to_dict("records"):
        assert f'data-variant="{row["variant"]}" data-share="{row["share"]!r}"' in text
    for share in scores.loc[scores["raters"] == "all", "share"]:
        assert f"<b>{share:.3f}</b>" in text
    assert text.count("<svg") == 2 and "Question: likeness" in text
    for rater in CARELESS:
        assert "left out" in text.partition(f'data-rater="{rater}"')[2].partition("</tr>")[0]
    assert text.count("left out</td>") == 2
    assert "<li>bob.json: &lt;b&gt;another&lt;/b&gt; study</li>" in text
    assert len(results["metrics"])
    for row in results["metrics"].to_dict("records"):
        assert f'data-metric="{row["metric"]}" data-agreement="{row["agreement"]!r}"' in text


def test_results_about_clips_that_were_made_again_are_not_shown(
    finished: FinishedRun, results: Tables, caplog: pytest.LogCaptureFixture
) -> None:
    changed = {**results, "clips": results["clips"].assign(mark="of an earlier clip")}
    with caplog.at_level(logging.WARNING):
        html = section(finished, changed)
    assert "3 of its clips were made again since people voted on them" in html
    assert "kedro run --pipelines=study" in caplog.text
    assert "<table" not in html


def test_a_clip_that_is_gone_changes_no_result(finished: FinishedRun, results: Tables) -> None:
    gone = pd.DataFrame({"variant": ["vace"], "sample_id": ["id9"], "mark": ["x"]})
    clips = pd.concat([results["clips"], gone], ignore_index=True)
    assert section(finished, {**results, "clips": clips}) == section(finished, results)


def test_metrics_are_not_shown_when_clips_were_scored_again(
    finished: FinishedRun, results: Tables
) -> None:
    table, declared = scores_of(finished)
    again = DeclaredScores(table.assign(gme_score=0.123), declared)
    html = section(finished, results, again)
    assert "clips were scored again since metrics were compared with people" in html
    assert "data-agreement" not in html and 'data-share="' in html
    shuffled = DeclaredScores(table[::-1], declared)
    assert section(finished, results, shuffled) == section(finished, results)


def test_with_nobody_left_the_tables_show_all_and_say_so(finished: FinishedRun) -> None:
    tables = study_of(finished, ("overall",), EVERYBODY, 1.0)
    assert not tables["raters"]["kept"].any()
    html = section(finished, tables)
    assert "that is everybody, so the tables show all" in html and 'data-share="' in html
    assert "data-agreement" not in html


def test_raters_cannot_write_into_the_page(finished: FinishedRun, results: Tables) -> None:
    raters = results["raters"].assign(rater="<script>alert(1)</script>")
    assert "<script>alert" not in section(finished, {**results, "raters": raters})


def test_a_suggestion_of_weights_stands_beside_how_well_it_does_on_new_samples(
    finished: FinishedRun, results: Tables
) -> None:
    """Two samples are too few to suggest any; with a suggestion, both agreements and the warning are there."""
    alone = section(finished, results)
    assert "No weights of Overall are suggested" in alone and "Suggested" not in alone
    held_out: dict[str, Any] = {"question": "overall", "better": "higher", "low": 0.5, "high": 0.9, "n": 40}  # fmt: skip
    held_out |= {"metric": "overall_suggested", "title": "x", "agreement": 0.7321, "samples": 12}
    part = {"question": "overall", "metric": "gme_score", "title": "GMEScore", "weight": 0.3, "suggested": 0.0123}  # fmt: skip
    more = {
        "metrics": pd.concat([results["metrics"], pd.DataFrame([held_out])], ignore_index=True),
        "weights": pd.DataFrame([part]),
    }
    html = section(finished, {**results, **more})
    assert "suggested weights agree with people in 0.732 of 40 pairs [0.500, 0.900]" in html
    assert "today's weights in " in html and "Nothing uses them" in html and "0.012" in html
    assert 'data-metric="overall_suggested"' not in html, "it is no metric of this run"
