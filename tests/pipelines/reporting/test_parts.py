from __future__ import annotations

import inspect
import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tpige_kedro.metrics.catalog import GME_SCORE
from tpige_kedro.metrics.declared import spec_of
from tpige_kedro.pipelines import reporting
from tpige_kedro.pipelines.reporting.added_text import added_text
from tpige_kedro.pipelines.reporting.numbers import exact, p_value, percents, short, signed, spread
from tpige_kedro.pipelines.reporting.overview import enhanced_label
from tpige_kedro.pipelines.reporting.paper_tables import printed
from tpige_kedro.pipelines.reporting.plot import interval_panel, nice_ticks, tick_text
from tpige_kedro.pipelines.reporting.scores import ScoreRow, ranks, score_rows
from tpige_kedro.pipelines.reporting.tables import Cell, Difference, TableRow, difference_rows
from tpige_kedro.prompts.clause import insert_clause

words = st.lists(
    st.sampled_from(["a", "man", "in", "red", ",", "walks", "by", "the", "sea"]), max_size=12
).map(" ".join)


@given(st.floats(allow_nan=True))
def test_exact_numbers_read_back_as_the_same(value: float) -> None:
    assert float(exact(value)) == value or math.isnan(value)


def test_short_numbers() -> None:
    assert [short(v) for v in (0.61349, 23.456, 217.33, -0.5, math.nan)] == [
        "0.613",
        "23.46",
        "217.3",
        "−0.500",
        "–",
    ]
    assert signed(0.1) == "+0.100" and signed(-0.1) == "−0.100" and signed(0.0) == "0.000"
    assert spread(-42.45, 8.722) == "[−42.45, 8.72]" and spread(math.nan, 1.0) == ""
    assert [p_value(p) for p in (0.0004, 0.03, 0.0994, 0.25, math.nan)] == [
        "p < 0.001", "p = 0.030", "p = 0.099", "p = 0.25", "–",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("wins", "shown"),
    [
        ((1, 2, 5), [13, 25, 62]),
        ((1, 1, 1), [34, 33, 33]),
        ((1, 1, 1, 1, 1, 1, 1), [15, 15, 14, 14, 14, 14, 14]),
        ((8,), [100]),
        ((0, 0), [0, 0]),
        ((), []),
        ((1, 999), [0, 100]),
    ],
)
def test_percentages_of_one_whole_add_up(wins: tuple[int, ...], shown: list[int]) -> None:
    assert percents([w / max(sum(wins), 1) for w in wins]) == [f"{p} %" for p in shown]


@given(st.lists(st.integers(0, 1000), min_size=1, max_size=12).filter(any))
def test_percentages_of_any_wins_add_up_and_are_less_than_one_off(wins: list[int]) -> None:
    shares = [w / sum(wins) for w in wins]
    shown = [int(text.removesuffix(" %")) for text in percents(shares)]
    assert sum(shown) == 100
    assert all(abs(s - 100 * share) < 1 for s, share in zip(shown, shares, strict=True))


@pytest.mark.parametrize("value", [-0.0, -1e-9, -0.0004, 0.0004, 0.0])
def test_nothing_that_rounds_to_zero_has_a_sign(value: float) -> None:
    assert short(value) == signed(value) == "0.000"
    assert spread(value, 0.1) == "[0.000, 0.100]"
    assert printed("overall", value / 10) == "0.0000"


@given(words, words)
def test_added_text_is_the_enhanced_prompt_and_marks_only_what_is_new(
    before: str, after: str
) -> None:
    pieces = added_text(before, after)
    assert "".join(text for text, _ in pieces) == after
    kept = "".join(text for text, added in pieces if not added)
    remaining = iter(before)
    assert all(letter in remaining for letter in kept)  # a subsequence of the original


@given(words, words, st.data())
def test_one_insertion_is_marked_to_the_letter(
    prompt: str, clause: str, data: st.DataObject
) -> None:
    place = data.draw(st.integers(0, len(prompt)))
    pieces = added_text(prompt, prompt[:place] + clause + prompt[place:])
    assert [len(text) for text, added in pieces if added] == ([len(clause)] if clause else [])
    assert "".join(text for text, added in pieces if not added) == prompt


@pytest.mark.parametrize(
    ("prompt", "head"),
    [
        ("A video of an astronaut waving a hand.", "A video of an astronaut"),
        ("An astronaut, waving.", "An astronaut"),
        ("A chef", "A chef"),
        ("Two chefs cook.", "Two chefs"),
        ("It rains!", "It rains"),
    ],
)
def test_the_inserted_clause_is_marked_with_its_commas_and_no_word_before_it(
    prompt: str, head: str
) -> None:
    enhanced = insert_clause(prompt, "an old chef")
    pieces = added_text(prompt, enhanced)
    added = enhanced[len(head) : len(enhanced) - len(prompt) + len(head)]
    assert added.startswith(", ") and "an old chef" in added
    assert pieces[:2] == [(head, False), (added, True)]


def test_several_changes_are_marked_by_words() -> None:
    pieces = added_text("A chef cooks.", "A tall chef bakes.")
    assert pieces == [
        ("A", False),
        (" tall", True),
        (" chef ", False),
        ("bakes", True),
        (".", False),
    ]


@given(st.floats(-1e3, 1e3), st.floats(1e-3, 1e3))
def test_ticks_are_few_round_and_inside(low: float, width: float) -> None:
    ticks, step = nice_ticks(low, low + width)
    assert 3 <= len(ticks) <= 8
    assert all(low - 1e-6 * width <= t <= low + width * (1 + 1e-6) for t in ticks)
    assert np.diff(ticks) == pytest.approx(step, rel=1e-3)
    assert any(
        math.isclose(step / 10 ** math.floor(math.log10(step * 1.0001)), m, rel_tol=1e-6)
        for m in (1, 2, 5)
    )
    assert [float(tick_text(t, step)) for t in ticks] == pytest.approx(ticks, abs=step / 100)


def row(name: str, mean: float, low: float = math.nan, high: float = math.nan) -> TableRow:
    return TableRow(name, name, "", {"gme_score": Cell(mean, low, high, 4)})


def test_a_panel_places_marks_in_order_and_in_proportion() -> None:
    rows = [
        row("a", 0.2, 0.1, 0.3),
        row("b", 0.4),
        row("moe", 0.3, 0.2, 0.4),
        row("none", math.nan),
    ]
    panel = interval_panel(GME_SCORE, rows, baseline="a")
    assert panel is not None and [m.title for m in panel.marks] == ["a", "b", "moe"]
    a, b, moe = panel.marks
    assert a.x - a.left == pytest.approx(a.right - a.x, abs=0.02)
    assert moe.x - a.x == pytest.approx(b.x - moe.x, abs=0.02) and b.left == b.x == b.right
    assert panel.baseline == a.x and [m.kind for m in panel.marks] == [
        "variant",
        "variant",
        "selection",
    ]
    assert all(150 <= v <= 400 for m in panel.marks for v in (m.left, m.right))
    assert interval_panel(GME_SCORE, [row("none", math.nan)], None) is None
    assert interval_panel(GME_SCORE, [row("a", 0.5)], None) is not None  # a range of zero width


@pytest.mark.parametrize("enhanced", [True, False])
def test_nodes_have_few_inputs_in_the_order_of_the_arguments(enhanced: bool) -> None:
    """Kedro matches parameters to their types by position."""
    for node in reporting.create_pipeline(enhanced).nodes:
        given_names = [name.removeprefix("params:") for name in node.inputs]
        assert given_names == list(inspect.signature(node.func).parameters)
        assert len(given_names) <= 6


def test_an_evaluation_needs_nothing_of_the_enhancement_but_what_is_shown() -> None:
    full, evaluation = (reporting.create_pipeline(enhanced).inputs() for enhanced in (True, False))
    assert full - evaluation == {
        "face_attributes",
        "rewritten_prompts",
        "written_reference_prompts",
    }
    assert not evaluation - full


def test_the_label_of_a_reference_says_what_became_of_it() -> None:
    redrawn = enhanced_label({"chosen": "enhanced", "similarity": 0.8264})
    assert redrawn == "enhanced reference, similarity to the original 0.826"
    kept = enhanced_label(
        {"chosen": "original", "reason": "no face is visible", "similarity": None}
    )
    assert kept == "enhanced reference: the original was kept (no face is visible)"
    assert enhanced_label({}) == "enhanced reference"


def test_a_clip_without_one_metric_is_scored_and_one_without_any_is_not() -> None:
    scores = pd.DataFrame(
        {
            "sample_id": ["s1", "s2", "s3"],
            "variant": ["a", "a", "a"],
            "cur_score": [0.5, math.nan, math.nan],
            "gme_score": [0.7, 0.6, math.nan],
            "cur_score_reason": [None, "no face in any frame", "no clip"],
        }
    )
    whole, faceless, none = score_rows(scores)
    assert [row.is_scored for row in (whole, faceless, none)] == [True, True, False]
    assert none.reasons == {"cur_score": "no clip"} and whole.reasons == {}
    values = {score.metric.name: (score.value, score.reason) for score in faceless.scores()}
    assert values["gme_score"] == (0.6, "")
    assert math.isnan(values["cur_score"][0]) and values["cur_score"][1] == "no face in any frame"


def difference(metric: str, value: float, p: float, p_holm: float) -> Difference:
    line = {"variant": "a", "against": "b", "metric": metric, "difference": value, "n": 8}
    numbers = {"low": value - 0.1, "high": value + 0.1, "p": p, "p_holm": p_holm}
    (row,) = difference_rows(pd.DataFrame([line | numbers]))
    assert (row.variant, row.against) == ("a", "b")
    return row.cells[metric]


@pytest.mark.parametrize(
    ("metric", "value", "verdict"),
    [
        ("gme_score", 0.1, "better"),
        ("gme_score", -0.1, "worse"),
        ("gme_score", 0.0, "equal"),
        ("flicker", 0.1, "worse"),
        ("flicker", -0.1, "better"),
        ("made_up", 0.1, "neither direction is better"),
    ],
)
def test_which_way_is_better_is_the_metrics_own(metric: str, value: float, verdict: str) -> None:
    assert difference(metric, value, 0.01, 0.01).verdict == verdict


@pytest.mark.parametrize(("p_holm", "sure"), [(0.05, True), (0.0501, False), (math.nan, False)])
def test_a_difference_is_sure_after_the_correction_alone(p_holm: float, sure: bool) -> None:
    assert difference("gme_score", 0.1, 0.001, p_holm).sure is sure


def test_equal_values_share_a_rank_and_the_better_one_is_the_metrics_own() -> None:
    specs = tuple(spec_of(name) for name in ("gme_score", "flicker", "made_up"))
    values = {"a": (0.5, 0.1, 1.0), "b": (0.7, 0.1, 2.0), "c": (0.7, 0.2, 3.0), "d": (None,) * 3}
    found = ranks([ScoreRow("s1", name, specs, v, {}, True) for name, v in values.items()])
    assert {name: tuple(found[name].values()) for name in values} == {
        "a": (3, 1, 0),
        "b": (1, 1, 0),
        "c": (1, 3, 0),
        "d": (0, 0, 0),
    }
    assert ranks([]) == {}
