from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tpige_kedro.guidance.schedules import check_windows, decay, factor, is_due, window
from tpige_kedro.schemas import Guidance, Schedule

DECAYS = ["constant", "linear", "cosine", "exponential"]
fractions = st.floats(0, 1)
schedules = st.builds(
    lambda name, ends, rate: Schedule(decay=name, start=min(ends), stop=max(ends), rate=rate),
    st.sampled_from(DECAYS),
    st.tuples(fractions, fractions).filter(lambda ends: ends[0] != ends[1]),
    st.floats(0.01, 20),
)


@given(schedules, st.integers(1, 60))
def test_bounded_never_rising_and_zero_outside_the_window(schedule: Schedule, steps: int) -> None:
    values = [factor(schedule, step, steps) for step in range(steps)]
    inside = window(schedule, steps)
    assert all(0 <= value <= 1 for value in values)
    assert all(values[step] == 0 for step in range(steps) if step not in inside)
    weights = [values[step] for step in inside]
    assert weights == sorted(weights, reverse=True)


@pytest.mark.parametrize("name", DECAYS)
def test_each_decay_starts_at_one(name: str) -> None:
    assert factor(Schedule(decay=name), 0, 50) == 1
    assert factor(Schedule(decay=name, start=0.5), 25, 50) == 1


@pytest.mark.parametrize(
    ("name", "middle", "end"),
    [
        ("constant", 1, 1),
        ("linear", 0.5, 0),
        ("cosine", 0.5, 0),
        ("exponential", 0.2231301601, 0.0497870684),
    ],
)
def test_decays_at_middle_and_end(name: str, middle: float, end: float) -> None:
    assert decay(Schedule(decay=name, rate=3), 0.5) == pytest.approx(middle)
    assert decay(Schedule(decay=name, rate=3), 1.0) == pytest.approx(end, abs=1e-9)


@pytest.mark.parametrize(
    ("start", "stop", "steps", "expected"),
    [
        (0, 1, 8, range(8)),
        (0, 0.25, 8, range(2)),
        (0.25, 1, 8, range(2, 8)),
        (0.3, 0.6, 10, range(3, 6)),
        (0.28, 0.29, 100, range(28, 29)),  # 0.29 * 100 is 28.999999999999996
        (0.11, 0.12, 10, range(0)),  # too narrow to hold a step
    ],
)
def test_window(start: float, stop: float, steps: int, expected: range) -> None:
    assert window(Schedule(start=start, stop=stop), steps) == expected


def test_the_first_steps_of_the_window_and_every_kth_are_due() -> None:
    whole, late = Schedule(), Schedule(start=0.5)
    assert [s for s in range(12) if is_due(whole, s, 12, 4)] == [0, 1, 2, 4, 8]
    assert [s for s in range(12) if is_due(late, s, 12, 4)] == [6, 7, 8, 10]
    assert all(is_due(whole, s, 12, 1) for s in range(12))


def test_a_window_without_a_step_is_named_unless_its_weight_is_zero() -> None:
    narrow = Schedule(start=0.11, stop=0.12)
    with pytest.raises(ValueError, match=r"identity_schedule: no step of 10 .*0\.11, 0\.12"):
        check_windows(Guidance(identity_weight=0.5, identity_schedule=narrow), 10)
    check_windows(Guidance(identity_weight=0.5, identity_schedule=narrow), 100)
    check_windows(Guidance(identity_weight=0.0, identity_schedule=narrow), 10)
