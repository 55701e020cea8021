"""How well additions are told apart: phrases written before the lexicon, by somebody who had not seen it.

The half in ``phrases_dev.jsonl`` was at hand when the lexicon was made; the half in ``phrases_held.jsonl`` was not: please do not fit
the lexicon to it.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tpige_kedro.prompts.checks import non_facial_words

FOLDER = Path(__file__).parents[1]
CARRIERS = [
    ("A person walks through the room.", "A person, {}, walks through the room."),
    ("A person walks through the room.", "A person {} walks through the room."),
    ("The person.", "The person has {}."),
    ("An astronaut waves.", "An astronaut, {}, waves."),
    ("Rain falls on the road.", "{}, Rain falls on the road."),
]
ACCEPTED, REFUSED = 0.03, 0.05  # at most, of the phrases that do not and that do speak of the face


def shares(file: str, carrier: tuple[str, str]) -> tuple[float, float]:
    """The share of non-facial phrases that is accepted, and of facial ones that is refused."""
    rows = [json.loads(line) for line in (FOLDER / file).read_text(encoding="utf-8").splitlines()]
    original, enhanced = carrier
    passes: dict[bool, list[bool]] = {True: [], False: []}
    for row in rows:
        passes[row["facial"]].append(not non_facial_words(original, enhanced.format(row["phrase"])))
    assert len(passes[False]) > 250 and len(passes[True]) > 150
    return sum(passes[False]) / len(passes[False]), 1 - sum(passes[True]) / len(passes[True])


@pytest.mark.parametrize("file", ["phrases_dev.jsonl", "phrases_held.jsonl"])
@pytest.mark.parametrize("carrier", CARRIERS)
def test_few_phrases_are_taken_for_the_other_kind(file: str, carrier: tuple[str, str]) -> None:
    accepted, refused = shares(file, carrier)
    assert accepted <= ACCEPTED
    assert refused <= REFUSED


def test_the_halves_share_no_phrase() -> None:
    halves = [
        {json.loads(line)["phrase"] for line in (FOLDER / file).read_text("utf-8").splitlines()}
        for file in ("phrases_dev.jsonl", "phrases_held.jsonl")
    ]
    assert not halves[0] & halves[1]
