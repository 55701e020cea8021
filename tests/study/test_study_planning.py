"""Planned intervals and power are those that studies of the size really have; the command says them."""

from __future__ import annotations

import numpy as np
import pytest
from click.testing import CliRunner

from tpige_kedro.commands.plan_study import plan_study
from tpige_kedro.study.planning import Assumed, Size, plan_size, plan_sizes
from tpige_kedro.study.scores import score_table
from tpige_kedro.study.simulated import Behaviour, simulate_votes
from tpige_kedro.study.votes import about_pairs, comparisons
from voting import pair_list


def test_the_planned_width_is_that_of_the_intervals_of_such_studies() -> None:
    size, assumed = Size(3, 12, 10, 20), Assumed(difference=0.0, ties=0.25, spread=0.5)
    pairs = pair_list(["x", "y", "z"], 12)
    behaviour = Behaviour({"x": 0.0, "y": 0.0, "z": 0.0}, 0.25 / 1.5, 0.5, 0.5)
    raters = [f"r{i}" for i in range(10)]
    widths = []
    for seed in range(15):
        votes = comparisons(about_pairs(simulate_votes(pairs, raters, behaviour, seed, 20), pairs))
        table = score_table(votes, seed, 100)
        widths.append((table["high"] - table["low"]).mean() / 2)
    assert plan_size(size, assumed).half_width == pytest.approx(np.mean(widths), rel=0.2)


def test_more_raters_give_narrower_intervals_and_more_power() -> None:
    planned = plan_sizes(Size(4, 20, 16, 30), Assumed(0.25))
    widths, powers = [p.half_width for p in planned], [p.power for p in planned]
    assert widths == sorted(widths, reverse=True) and powers == sorted(powers)
    assert powers[-1] > 0.9


def test_without_a_difference_power_is_the_level() -> None:
    """3 standard deviations of a share of 400 studies that is truly 5 % at most."""
    found = plan_size(Size(3, 20, 20, 30), Assumed(difference=0.0))
    assert found.power <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 400)


def test_raters_are_not_shown_more_pairs_than_there_are() -> None:
    assert Size(3, 4, 10, 60).votes == 10 * 12


def test_the_command_says_widths_power_and_how_many_raters_are_enough() -> None:
    options = "--variants 3 --samples 10 --raters 8 --pairs-per-rater 15 --half-width 0.15"
    done = CliRunner().invoke(plan_study, options.split())
    assert done.exit_code == 0, done.output
    rows = [line.split() for line in done.output.splitlines() if line.endswith("%")]
    assert [row[:2] for row in rows] == [["2", "30"], ["4", "60"], ["8", "120"], ["16", "240"], ["32", "480"]]  # fmt: skip
    assert "± 0.15 needs about" in done.output
    again = CliRunner().invoke(plan_study, options.split())
    assert again.output == done.output


@pytest.mark.parametrize(
    "options, said",
    [
        ("--difference 0.9 --variants 3", "at most 0.75"),
        ("--variants 1", "--variants"),
        ("--raters many", "--raters"),
    ],
)
def test_what_cannot_be_planned_is_refused(options: str, said: str) -> None:
    done = CliRunner().invoke(plan_study, options.split())
    assert done.exit_code == 2 and said in done.output


def test_what_is_never_reached_is_said() -> None:
    options = "--variants 2 --samples 2 --raters 2 --pairs-per-rater 1 --half-width 0.01"
    done = CliRunner().invoke(plan_study, options.split())
    assert "is not reached with 8 raters" in done.output
