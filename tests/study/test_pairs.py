"""The draw: every kind of pair, balanced, the same for the same clips, and names that say nothing."""

from __future__ import annotations

import hashlib
from collections import Counter
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tpige_kedro.errors import TpigeError
from tpige_kedro.schemas import Study
from tpige_kedro.schemas.tables import STUDY_PAIRS
from tpige_kedro.study.pairs import Pair, draw_all, expected_clips

Marks = dict[str, dict[str, str]]


def marks_of(variants: int, samples: int) -> Marks:
    return {
        f"v{v}": {f"s{s}": hashlib.sha256(f"{v} {s}".encode()).hexdigest() for s in range(samples)}
        for v in range(variants)
    }


def drawn(marks: Marks, seed: int = 0, **settings: object) -> list[Pair]:
    table = STUDY_PAIRS.validate(draw_all(marks, Study(**settings), seed))  # type: ignore[arg-type]
    return [Pair(*row) for row in table.itertuples(index=False)]


def spread(counts: Counter[object]) -> int:
    return max(counts.values()) - min(counts.values()) if counts else 0


@settings(max_examples=25)
@given(st.integers(2, 7), st.integers(1, 12), st.integers(1, 150), st.integers(0, 5))
def test_any_budget_is_balanced(variants: int, samples: int, budget: int, seed: int) -> None:
    pairs = [
        p for p in drawn(marks_of(variants, samples), seed, pairs=budget) if p.kind == "comparison"
    ]
    versus = list(combinations(range(variants), 2))
    assert len(pairs) == min(budget, len(versus) * samples)
    of_pairs = Counter({(f"v{a}", f"v{b}"): 0 for a, b in versus})
    of_pairs.update(tuple(sorted((p.variant_a, p.variant_b))) for p in pairs)
    of_samples = Counter({f"s{s}": 0 for s in range(samples)})
    of_samples.update(p.sample_id for p in pairs)
    of_variants = Counter({f"v{v}": 0 for v in range(variants)})
    of_variants.update(v for p in pairs for v in (p.variant_a, p.variant_b))
    assert spread(of_pairs) <= 1 and spread(of_samples) <= 1 and spread(of_variants) <= 1
    assert len({(p.sample_id, frozenset((p.variant_a, p.variant_b))) for p in pairs}) == len(pairs)


@settings(max_examples=25)
@given(st.data(), st.integers(2, 5), st.integers(1, 8), st.integers(1, 40))
def test_with_missing_clips_only_what_is_there_is_drawn(
    data: st.DataObject, variants: int, samples: int, budget: int
) -> None:
    marks = marks_of(variants, samples)
    gone = data.draw(st.sets(st.tuples(st.integers(0, variants - 1), st.integers(0, samples - 1))))
    for variant, sample in gone:
        marks[f"v{variant}"].pop(f"s{sample}")
    marks = {name: row for name, row in marks.items() if row}
    cells = sum(len(a.keys() & b.keys()) for a, b in combinations(marks.values(), 2))
    if not cells:
        with pytest.raises(TpigeError, match="nothing can be compared"):
            drawn(marks, pairs=budget)
        return
    pairs = drawn(marks, pairs=budget)
    assert sum(p.kind == "comparison" for p in pairs) == min(budget, cells)
    for pair in pairs:
        assert expected_clips(pair, marks) == (pair.clip_a, pair.clip_b)


def test_kinds_come_in_their_shares() -> None:
    pairs = drawn(marks_of(4, 20), repeats=0.1, swapped_repeats=0.05, attention=0.2)
    counts = Counter(p.kind for p in pairs)
    assert counts == {"comparison": 120, "repeat": 12, "swapped_repeat": 6, "attention": 24}
    compared = {p.pair_id: p for p in pairs if p.kind == "comparison"}
    again = [p for p in pairs if "repeat" in p.kind]
    assert len({p.repeats for p in again}) == len(again)
    for pair in again:
        first = compared[pair.repeats]
        assert (pair.sample_id, pair.variant_a, pair.variant_b) == (first.sample_id, first.variant_a, first.variant_b)  # fmt: skip
    tests = [p for p in pairs if p.kind == "attention"]
    assert all(p.variant_a == p.variant_b and p.damaged in {"a", "b"} for p in tests)
    assert spread(Counter(p.variant_a for p in tests)) == 0
    assert {p.damaged for p in tests} == {"a", "b"}


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_shares_at_their_ends(share: float) -> None:
    pairs = drawn(marks_of(2, 3), repeats=share, swapped_repeats=0, attention=share)
    counts = Counter(p.kind for p in pairs)
    assert counts["repeat"] == counts["attention"] == 3 * share


def test_a_small_study_has_one_of_each() -> None:
    assert Counter(p.kind for p in drawn(marks_of(2, 3))) == {
        "comparison": 3, "repeat": 1, "swapped_repeat": 1, "attention": 1,
    }  # fmt: skip


def test_the_same_clips_give_the_same_pairs_and_another_seed_others() -> None:
    marks = marks_of(4, 9)
    assert drawn(marks, pairs=20) == drawn(marks, pairs=20)
    turned = {name: dict(reversed(marks[name].items())) for name in reversed(marks)}
    assert drawn(turned, pairs=20) == drawn(marks, pairs=20)
    assert drawn(marks, 1, pairs=20) != drawn(marks, pairs=20)


def test_names_and_order_say_nothing() -> None:
    pairs = drawn(marks_of(4, 50))
    compared = [p for p in pairs if p.kind == "comparison"]
    for pair in pairs:
        for name in (pair.pair_id, pair.clip_a, pair.clip_b, pair.reference):
            assert len(name) == 20 and set(name) <= set("0123456789abcdef")
    kinds = [p.kind for p in pairs]
    assert kinds != sorted(kinds) and [p.sample_id for p in pairs] != sorted(
        p.sample_id for p in pairs
    )
    first = sum(p.variant_a < p.variant_b for p in compared)
    assert 0.4 < first / len(compared) < 0.6  # `a` is no fixed variant
    again = {n for p in pairs if p.kind != "comparison" for n in (p.clip_a, p.clip_b)}
    assert not again & {n for p in compared for n in (p.clip_a, p.clip_b)}
    assert len(again) == 2 * (len(pairs) - len(compared))


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        (
            {"variants": ("v0", "vx")},
            "vx has no clip that may be shown.*there are clips of: v0, v1",
        ),
        ({"variants": ("v0", "v1")}, None),
    ],
)
def test_only_the_variants_that_are_asked_for(asked: dict[str, object], words: str | None) -> None:
    marks = marks_of(2, 3)
    if words is None:
        assert {p.variant_a for p in drawn(marks | marks_of(3, 3), **asked)} <= {"v0", "v1"}
        return
    with pytest.raises(TpigeError, match=words):
        drawn(marks, **asked)


@pytest.mark.parametrize(
    "marks", [{}, {"v0": {}}, {"v0": {"s0": "a"}}, {"v0": {"s0": "a"}, "v1": {"s1": "b"}}]
)
def test_nothing_to_compare_is_an_error(marks: Marks) -> None:
    with pytest.raises(TpigeError, match="nothing can be compared"):
        drawn(marks)
