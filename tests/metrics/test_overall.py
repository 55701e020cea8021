from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tpige_kedro.metrics.catalog import METRICS
from tpige_kedro.metrics.overall import PAPER_WEIGHTS, column_means, is_missing, overall
from tpige_kedro.metrics.protocol import Missing

PARTS = dict.fromkeys(PAPER_WEIGHTS, 0.5)


def test_weights_sum_to_one_over_known_metrics() -> None:
    assert math.isclose(sum(PAPER_WEIGHTS.values()), 1)
    assert set(PAPER_WEIGHTS) <= set(METRICS)
    assert all(METRICS[name].better == "higher" for name in PAPER_WEIGHTS)
    assert all(name == spec.name for name, spec in METRICS.items())


@pytest.mark.parametrize("part", PAPER_WEIGHTS)
@pytest.mark.parametrize("absent", [math.nan, Missing("no face"), None])
def test_never_a_partial_sum(part: str, absent: object) -> None:
    values = {**PARTS, part: absent}
    assert overall(values) == Missing(f"no {part}")
    assert overall({k: v for k, v in PARTS.items() if k != part}) == Missing(f"no {part}")


def test_every_lacking_part_is_named_and_other_columns_do_not_matter() -> None:
    assert overall({"face_rate": 1.0}) == Missing("no " + ", ".join(PAPER_WEIGHTS))
    assert overall({**PARTS, "face_rate": Missing("x")}) == pytest.approx(0.5)


def test_weights_come_from_the_caller() -> None:
    assert overall({"a": 1.0, "b": 3.0}, {"a": 0.25, "b": 0.5}) == 1.75


@given(st.lists(st.fixed_dictionaries(dict.fromkeys(PAPER_WEIGHTS, st.floats(0, 1))), min_size=1))
def test_mean_of_overalls_is_overall_of_means_when_nothing_is_missing(rows) -> None:
    of_means = overall(column_means(rows))
    assert of_means == pytest.approx(sum(overall(row) for row in rows) / len(rows))


def test_means_skip_what_is_missing() -> None:
    rows = [{"a": 1.0, "b": Missing("x")}, {"a": math.nan}, {"a": 3.0, "b": Missing("y")}]
    assert column_means(rows) == {"a": 2.0}
    assert is_missing(None) and not is_missing(0.0)
