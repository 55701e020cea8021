"""The subject on prompts that somebody else wrote: one half to develop the rules on, one half kept aside.

Each line has the prompt, its subject (empty where it names nobody), the head of the subject, and the kind of structure.
"""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from tpige_kedro.prompts.clause import insert_clause
from tpige_kedro.prompts.grammar import people_words
from tpige_kedro.prompts.subject import find_subject

HERE = Path(__file__).parent
CLAUSE = "an elderly man with red hair"
PRONOUNS = {"pronoun", "object"}


def rows(name: str) -> list[dict[str, str]]:
    lines = (HERE / f"subject_{name}.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def is_right(row: dict[str, str]) -> bool:
    """The phrase that was found ends where the subject ends; a pronoun is known as one; nobody is nobody."""
    prompt, subject = row["prompt"], find_subject(row["prompt"])
    if not row["subject"] or subject is None:
        return not row["subject"] and subject is None
    if row["kind"] == "pronoun" and subject.kind not in PRONOUNS:
        return False
    return prompt[subject.start : subject.end] == row["subject"] or prompt[: subject.end].endswith(
        row["subject"]
    )


@pytest.mark.parametrize(("name", "count"), [("dev", 231), ("held", 232)])
def test_the_subject_is_right_and_seldom_missed(name: str, count: int) -> None:
    prompts = rows(name)
    people = [row for row in prompts if row["subject"]]
    right = sum(map(is_right, prompts)) / len(prompts)
    appended = [row for row in people if ", featuring " in insert_clause(row["prompt"], CLAUSE)]
    assert len(prompts) == count
    assert right >= 0.97, right
    assert len(appended) <= 0.01 * len(people), len(appended)


def heads(name: str) -> list[str]:
    """The last words of the heads, without pronouns and names."""
    return [
        row["head"].lower().split()[-1]
        for row in rows(name)
        if row["subject"] and row["kind"] not in {"pronoun", "name"}
    ]


def test_most_heads_are_in_no_list() -> None:
    listed = set().union(*(v for v in vars(people_words).values() if isinstance(v, frozenset)))
    assert sum(head not in listed for head in heads("held")) >= 150
    assert len(set(heads("held") + heads("dev")) - listed) >= 250


def test_it_takes_little_time() -> None:
    prompts = [row["prompt"] for row in rows("dev")]
    for prompt in prompts:
        find_subject(prompt)
    begun = time.process_time()
    for prompt in prompts:
        find_subject.__wrapped__(prompt)
    assert (time.process_time() - begun) / len(prompts) < 2e-3  # 0.2 ms where nothing else runs
