"""Who is meant by a person's id: what is learned from records and tables, and what only looks alike."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from tpige_kedro.commands.person import Person
from tpige_kedro.commands.records import Record


def record(key: str, *people: str, layer: str = "07_model_output/clips") -> Record:
    return Record(Path("x.json"), key, layer, frozenset(people))


@pytest.mark.parametrize(
    ("given", "samples"),
    [
        (record("vace/s1", "ada"), {"s1"}),
        (record("s1", "ada", layer="05_model_input/enhanced_references"), {"s1"}),
        (record("vace", "ada", layer="08_reporting/set_scores"), set()),  # an item of a variant
        (record("ada", "ada", layer="04_feature/face_attributes"), set()),  # the person's own
        (record("vace/s1", "ada", "bob"), set()),  # whose sample it is nobody knows
        (record("vace/s1", "bob"), set()),
        (record("vace/s1"), set()),
    ],
)
def test_a_sample_is_learned_from_what_shows_this_person_alone(
    given: Record, samples: set[str]
) -> None:
    person = Person("ada")
    person.learn_from_record(given)
    assert person.samples == samples


@pytest.mark.parametrize(
    ("given", "owned"),
    [
        (record("vace/s1", "ada"), True),
        (record("vace", "ada", "bob"), True),  # it shows others too
        (record("vace/ada_1", "bob"), False),  # the record knows better than the name
        (record("vace/ada_1"), True),
        (record("vace/bob_1"), False),
    ],
)
def test_the_record_decides_and_else_the_name(given: Record, owned: bool) -> None:
    assert Person("ada", {"ada_1"}).owns_record(given) is owned


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("ada", True),
        ("<td>ada_1</td>", True),
        ("clips/vace/ada_1.mp4", True),
        ("ada-2", False),
        ("nada", False),
        ("ada_12", False),
        ("ada_10 and adam", False),
        ("", False),
    ],
)
def test_an_id_is_a_word_of_its_own(text: str, named: bool) -> None:
    assert Person("ada", {"ada_1"}).is_named_in(text) is named


def test_an_id_is_no_pattern() -> None:
    assert not Person("a.a").is_named_in("ada") and Person("a.a").is_named_in("see a.a")


def test_a_table_is_the_persons_if_a_cell_is_an_id() -> None:
    person = Person("7", {"7_1"})
    assert person.has_rows_in(pd.DataFrame({"sample_id": ["8_1", "7_1"]}))
    assert not person.has_rows_in(pd.DataFrame({"sample_id": ["8_1", "17_1"], "n": [7, 7]}))
    person.learn_from_table(
        pd.DataFrame(
            {
                "person_id": ["7", "8", "7"],
                "sample_id": ["7_2", "8_2", None],
                "reference": ["a.png", "b.png", ""],
            }
        )
    )
    assert person.samples == {"7_1", "7_2"} and person.photos == {"a.png"}
