"""Ids that name files on every system, and only one file each."""

from __future__ import annotations

import pytest

from tpige_kedro.pipelines.prompt_enhancement.ids import KnownIds, id_problem

DEVICES = ["con", "CON", "Nul", "aux", "prn", "com1", "COM9", "lpt0", "con.txt", "nul.1.2", "aux."]
BAD = [
    "",
    "a b",
    "a/b",
    "..",
    ".a",
    "-a",
    "_a",
    "a\n",
    "a\0",
    "é",
    "ａda",
    "аda",
    "x" * 101,
    "a:b",
    "a*",
    "=1",
    "\x1b[2J",
    "a\u200b",
]
GOOD = [
    "a",
    "7",
    "007",
    "1e5",
    "NA",
    "None",
    "null",
    "id001_1",
    "con1",
    "console",
    "com10",
    "com",
    "lpt",
    "nul-1",
    "a.b",
    "x" * 100,
    "a-",
]


@pytest.mark.parametrize("name", ["sample_id", "person_id"])
@pytest.mark.parametrize("value", [*DEVICES, *BAD, "ada."])
def test_what_cannot_name_a_file_everywhere(name: str, value: str) -> None:
    problem = id_problem(name, value)
    assert problem.startswith(name) and problem.isprintable()


@pytest.mark.parametrize("value", GOOD)
def test_what_can(value: str) -> None:
    assert id_problem("sample_id", value) == ""


def test_a_letter_of_another_script_is_named() -> None:
    assert "CYRILLIC SMALL LETTER A" in id_problem("sample_id", "аda")


def row(sample: str, person: str) -> dict[str, str]:
    return {"sample_id": sample, "person_id": person}


def test_ids_that_differ_in_case_only() -> None:
    known = KnownIds()
    rows = [
        row("Ada", "P"),
        row("ada", "P"),
        row("b", "p"),
        row("p", "P"),
        row("c", "P"),
        row("Ada", "P"),
        row("d", "eve"),
        row("e", "Eve"),  # the capital second
    ]
    problems = []
    for each in rows:
        problems.append(known.problem(each))
        known.add(each)
    assert (
        "sample_id 'ada' and 'Ada' of a row above differ in upper and lower case only"
        in problems[1]
    )
    assert "person_id 'p' and 'P'" in problems[2]
    assert problems[0] == problems[3] == problems[4] == "" and "same sample_id" in problems[5]
    assert problems[6] == "" and "person_id 'Eve' and 'eve'" in problems[7]
