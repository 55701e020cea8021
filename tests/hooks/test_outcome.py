"""The end of a run says what came out, as its tables have it, and never more than they show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import pytest

from tpige_kedro.hooks.outcome import Estimate, Outcome, in_comparison, next_stages, outcome_of
from tpige_kedro.metrics.statistics import bootstrap_interval, paired_differences

Scores = Mapping[str, Sequence[float]]
NAN = float("nan")
LOW, HIGH = [0.1, 0.12, 0.11, 0.13, 0.1, 0.12], [0.5, 0.52, 0.51, 0.53, 0.5, 0.52]
NEAR = [0.12, 0.1, 0.13, 0.11, 0.12, 0.11]


def lines(scores: Scores, baseline: str | None = "vace", p_holm: float = 0.01) -> list[str]:
    """The words for these overall scores of each variant; ``moe`` is the selection."""
    own = {name: values for name, values in scores.items() if name != "moe"}
    clips = [
        {"sample_id": f"s{i}", "variant": name, "overall": value}
        for name, values in own.items()
        for i, value in enumerate(values)
    ]
    summary = [
        {"variant": name, "metric": "overall", **vars(bootstrap_interval(values, seed=0))}
        for name, values in scores.items()
    ]
    pairs = [(name, against) for name in own for against in own if against != name]
    found = paired_differences([(own[a], own[b]) for a, b in pairs], seed=0)
    differences = [
        {"variant": a, "against": b, "metric": "overall", **vars(result), "p_holm": p_holm}
        for (a, b), result in zip(pairs, found, strict=True)
    ]
    names = ["variant", "against", "metric", "difference", "low", "high", "n", "p", "p_holm"]
    outcome = outcome_of(
        pd.DataFrame(summary, columns=["variant", "metric", "mean", "low", "high", "n"]),
        pd.DataFrame(differences, columns=names),
        pd.DataFrame(clips, columns=["sample_id", "variant", "overall"]),
        baseline,
    )
    return outcome.lines()


def test_the_best_its_distance_from_the_baseline_and_the_selection() -> None:
    best, against, selected = lines({"vace": LOW, "vace_pe": HIGH, "moe": HIGH})
    assert best.startswith("best variant: vace_pe, Overall 0.513 [0.5") and best.endswith("6 clips")
    assert against.startswith("against vace, the baseline: +0.400 [0.400, 0.400] over 6 pairs")
    assert selected.startswith("best clip of each sample (MoE): Overall 0.513 [")


@pytest.mark.parametrize(
    ("scores", "p", "wanted"),
    [
        ({"vace": LOW, "a": NEAR}, 0.5, "baseline: no difference that the interval shows, +0.0"),
        ({"vace": LOW, "a": HIGH}, 0.2, "over 6 pairs, but p = 0.20 after Holm's correction"),
        ({"vace": LOW, "a": HIGH}, 0.03, "over 6 pairs, p = 0.030 after Holm's correction"),
        ({"vace": LOW[:1], "a": HIGH[:1]}, 1.0, "+0.400 over 1 pair, too few for an interval"),
        ({"vace": HIGH, "a": LOW}, 0.01, "vace is the baseline: no variant has a higher Overall"),
        ({"vace": HIGH, "a": HIGH}, 1.0, "best variant: vace, Overall 0.513"),
        ({"vace": HIGH, "a": HIGH}, 1.0, "6 clips; a equal to it"),
        ({"a": HIGH, "vace": HIGH}, 1.0, "6 clips; a equal to it"),
        ({"a": HIGH, "vace": HIGH}, 1.0, "vace is the baseline: no variant has a higher Overall"),
        ({"b": LOW, "a": HIGH}, 0.01, "the baseline, vace, has no score to compare with"),
        ({"vace": LOW, "a": [*HIGH[:4], NAN, NAN]}, 0.01, "by the 4 samples that all variants"),
        ({"vace": LOW, "a": [HIGH[0], *[NAN] * 5]}, 0.01, "share too few samples to call one best"),
        ({"vace": [NAN] * 6, "a": HIGH}, 0.01, "the only variant with scores: a, Overall 0.513"),
    ],
)
def test_no_more_is_said_than_the_scores_show(scores: Scores, p: float, wanted: str) -> None:
    said = lines(scores, p_holm=p)
    assert any(wanted in line for line in said), said
    assert not [line for line in said if "nan" in line or "None" in line]


@pytest.mark.parametrize(
    ("low", "high", "shown"),
    [(0.0, 0.2, False), (-0.2, 0.0, False), (1e-9, 0.2, True), (-0.2, -1e-9, True)],
)
def test_an_interval_that_ends_at_zero_shows_no_difference(
    low: float, high: float, shown: bool
) -> None:
    said = in_comparison("vace", Estimate((low + high) / 2, low, high, 8), 0.01)
    assert ("no difference that the interval shows" in said) is not shown


def test_one_variant_is_compared_with_nothing() -> None:
    assert lines({"vace_pe": HIGH, "moe": HIGH}, baseline=None)[0].startswith(
        "the only variant with scores: vace_pe, "
    )
    assert len(lines({"vace_pe": HIGH, "moe": HIGH})) == 1


@pytest.mark.parametrize("scores", [{}, {"vace": [NAN, NAN]}, {"vace": [NAN], "moe": [NAN]}])
def test_nothing_scored_is_said(scores: Scores) -> None:
    assert lines(scores) == ["no clip has an Overall score, so no variant is called best"]
    assert Outcome({}).winner is None


def test_the_selection_is_never_the_best_variant() -> None:
    higher = [value + 0.1 for value in HIGH]
    assert "best variant: a," in lines({"vace": LOW, "a": HIGH, "moe": higher})[0]


@pytest.mark.parametrize(
    ("made", "wanted"),
    [
        ({"clip_scores", "set_scores"}, ["moe_selection", "reporting"]),
        ({"clips", "clip_scores"}, ["moe_selection", "reporting"]),
        ({"statistics"}, ["reporting"]),
        ({"report", "statistics"}, []),
        ({"mini_training_log"}, []),
    ],
)
def test_a_stage_alone_names_those_after_it(made: set[str], wanted: list[str]) -> None:
    assert next_stages(made) == wanted


def test_numbers_are_those_of_the_tables() -> None:
    rng = np.random.default_rng(0)
    scores = {name: rng.random(20).tolist() for name in ("vace", "a", "b", "c")}
    means = {name: np.mean(values) for name, values in scores.items()}
    best = max(means, key=lambda name: means[name])
    assert f"best variant: {best}, Overall {means[best]:.3f} [" in lines(scores)[0]
