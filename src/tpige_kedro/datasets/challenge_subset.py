"""The rule behind ``data/01_raw/challenge_50.csv``: 50 of the challenge's 200 people with one of their prompts each.

The paper (section 4.2) samples 50 people with one prompt each and doesn't say which. Ours are chosen by hashes of their names, so that
anybody can check the list, and nothing but the names decides it: the 50 people with the smallest sha256 of
``tpige:<id>``, in the order of their numbers, each with the prompt ``1 + sha256("tpige:<id>:prompt") mod 5``.

``python -m tpige_kedro.datasets.challenge_subset > data/01_raw/challenge_50.csv`` writes it.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Sequence

SALT = "tpige"
PEOPLE = tuple(f"id{number:03}" for number in range(1, 201))
COUNT, PROMPTS = 50, 5


def draw(text: str) -> int:
    """A number that follows from ``text`` alone."""
    return int(hashlib.sha256(f"{SALT}:{text}".encode()).hexdigest(), 16)


def subset(people: Sequence[str] = PEOPLE, count: int = COUNT) -> list[str]:
    """The ids ``<person>_<prompt>`` of the chosen samples; the order of ``people`` does not matter."""
    chosen = sorted(people, key=lambda person: (draw(person), person))[:count]
    return [f"{person}_{1 + draw(f'{person}:prompt') % PROMPTS}" for person in sorted(chosen)]


def as_csv(samples: Sequence[str]) -> str:
    """The published list."""
    return "\n".join(["sample_id", *samples, ""])


if __name__ == "__main__":
    sys.stdout.write(as_csv(subset()))
