"""The runner of hand-made faults on a toy, and the table of them."""

from __future__ import annotations

import csv
import multiprocessing
from collections.abc import Iterable
from pathlib import Path

import pytest

from benchmarks.faults import run as faults
from benchmarks.faults.run import (
    CAUGHT,
    EITHER_WAY,
    EQUIVALENT,
    GONE,
    MISSED,
    Fault,
    chosen,
    run_tests,
    try_all,
)

SUM = "def add(a, b):\n    return a + b\n\n\ndef twice(a):\n    return 2 * a\n"
TESTS = {
    "tests/toy/test_add.py": "assert add(2, 2) == 4",
    "tests/toy/test_more.py": "assert add(1, 2) == 3",
    "tests/toy/test_broken.py": "assert add(1, 1) == 3",
}


@pytest.fixture
def toy(tmp_path: Path) -> Path:
    copy = tmp_path / "copy"
    for name, text in {"src/pkg/toy/sums.py": SUM, **TESTS}.items():
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        (copy / name).write_text(text)
    return copy


def fault(number: int, was: str, now: str, tests: str) -> Fault:
    known = {"number": str(number), "file": "src/pkg/toy/sums.py", "was": was, "now": now}
    return {**known, "tests": tests, "first_pass": "", "outcome": "", "noticed_by": ""}


def run_here(copy: Path, tests: Iterable[str]) -> tuple[str, str]:
    """Tests that are one line each, without pytest."""
    found: dict[str, object] = {}
    exec((copy / "src/pkg/toy/sums.py").read_text(), found)
    for place in tests:
        named = copy / place.partition("::")[0]
        for file in sorted(named.glob("test_[am]*.py")) if named.is_dir() else [named]:
            try:
                exec(file.read_text(), found)
            except AssertionError:
                return CAUGHT, f"{file.relative_to(copy)}::test"
    return MISSED, ""


def test_a_fault_is_noticed_by_its_own_tests_or_by_those_around(
    toy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(faults, "run_tests", run_here)
    times = ("a + b", "a * b", "tests/toy/test_add.py")
    table = [
        fault(1, "a + b", "a - b", "tests/toy/test_add.py"),
        fault(2, *times),
        fault(3, "2 * a", "3 * a", "tests/toy/test_add.py"),
        fault(4, "a + b", "a or b", "tests/toy/test_broken.py"),
        fault(5, "a + b", "b + a", "tests/toy/test_add.py") | {"outcome": EQUIVALENT},
        fault(6, *times) | {"first_pass": MISSED},
        fault(7, "a - b", "", "tests/toy/test_add.py"),
        fault(8, "a", "", "tests/toy/test_add.py"),
    ]
    list(try_all(toy, table))
    assert [(f["outcome"], f["noticed_by"].partition("::")[0]) for f in table] == [
        (CAUGHT, "tests/toy/test_add.py"),
        (CAUGHT, "tests/toy/test_more.py"),
        (MISSED, ""),
        (EITHER_WAY, "tests/toy/test_broken.py"),
        (EQUIVALENT, ""),
        (CAUGHT, "tests/toy/test_more.py"),
        (GONE, ""),
        (GONE, ""),
    ]
    assert [f["first_pass"] for f in table[1:6]] == [CAUGHT, MISSED, CAUGHT, EQUIVALENT, MISSED]
    assert (toy / "src/pkg/toy/sums.py").read_text() == SUM, "the copy is as it was"
    narrow = [fault(2, *times)]
    assert [f["outcome"] for f in try_all(toy, narrow, narrow=True)] == [MISSED]


def test_tests_are_run_by_pytest_in_a_process_of_their_own(
    toy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(faults, "WARM", multiprocessing.get_context("spawn"))
    text = "from pkg.toy.sums import add\n\ndef test_{0}(): assert add(1, 1) == {0}\n"
    for value in (2, 3):
        (toy / f"tests/test_{value}.py").write_text(text.format(value))
    tests = ["tests/test_2.py", "tests/test_3.py"]
    assert run_tests(toy, tests) == (CAUGHT, "tests/test_3.py::test_3")


def test_some_are_chosen_by_number() -> None:
    table = [fault(number, "", "", "") for number in range(1, 8)]
    numbers = [f["number"] for f in chosen(table, ["2", "4-6"])]
    assert numbers == ["2", "4", "5", "6"] and chosen(table, []) == table


def test_the_table_says_what_came_of_every_fault() -> None:
    with faults.TABLE.open(newline="", encoding="utf-8") as file:
        table = list(csv.DictReader(file))
    assert [f["number"] for f in table] == [str(i) for i in range(1, len(table) + 1)]
    assert {f["outcome"] for f in table} <= {CAUGHT, EQUIVALENT}
    assert {f["about"] for f in table} == {"numbers", "people", "money", "text", "state", "speed"}
    assert all(f["was"] != f["now"] and f["first_pass"] and f["tests"] for f in table)
