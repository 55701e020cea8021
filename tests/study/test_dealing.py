"""What one rater gets."""

from __future__ import annotations

from collections import Counter

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tpige_kedro.study.dealing import FAR, Kind, deal


def pairs_of(comparisons: int, repeats: int, swapped: int, attention: int) -> dict[str, Kind]:
    found = {f"c{i}": Kind("comparison") for i in range(comparisons)}
    found |= {f"r{i}": Kind("repeat", f"c{i}") for i in range(repeats)}
    found |= {f"w{i}": Kind("swapped_repeat", f"c{repeats + i}") for i in range(swapped)}
    return found | {f"t{i}": Kind("attention") for i in range(attention)}


@given(
    st.integers(1, 60),
    st.integers(0, 8),
    st.integers(0, 8),
    st.integers(0, 8),
    st.none() | st.integers(1, 90),
    st.integers(0, 20),
)
def test_any_list_is_one_that_can_be_shown(
    comparisons: int, repeats: int, swapped: int, attention: int, size: int | None, seed: int
) -> None:
    repeats, swapped = min(repeats, comparisons), min(swapped, max(0, comparisons - repeats))
    pairs = pairs_of(comparisons, repeats, swapped, attention)
    dealt = deal(pairs, {}, size, np.random.default_rng(seed))
    names = [d.pair_id for d in dealt]
    assert len(set(names)) == len(names)
    if size is None or size >= len(pairs):
        assert set(names) == set(pairs)
    else:
        assert len(names) <= size
    left = {d.pair_id: d.left for d in dealt}
    for name in names:
        kind, first = pairs[name]
        if first:
            assert names.index(first) < names.index(name)
            assert (left[name] == left[first]) == (kind == "repeat")


def test_repeats_do_not_follow_at_once_and_sides_are_even() -> None:
    pairs = pairs_of(200, 10, 10, 10)
    for seed in range(20):
        dealt = deal(pairs, {}, 60, np.random.default_rng(seed))
        names = [d.pair_id for d in dealt]
        again = [name for name in names if pairs[name].repeats]
        assert len(names) == 60 and len(again) == 6
        assert all(names.index(n) - names.index(pairs[n].repeats) >= FAR for n in again)
        sides = Counter(d.left for d in dealt if "repeat" not in pairs[d.pair_id].kind)
        assert abs(sides["a"] - sides["b"]) <= 1


def test_raters_differ_and_cover_all_pairs_equally() -> None:
    pairs = pairs_of(90, 5, 5, 5)
    votes: Counter[str] = Counter()
    orders = set()
    for seed in range(40):
        dealt = deal(pairs, votes, 30, np.random.default_rng(seed))
        orders.add(tuple(dealt))
        votes.update(d.pair_id for d in dealt)
    compared = [votes[name] for name in pairs if name.startswith("c")]
    assert len(orders) == 40
    assert max(compared) - min(compared) <= 8  # what is repeated must be shown, too
    others = [votes[name] for name in pairs if not name.startswith("c")]
    assert max(others) - min(others) <= 1
