"""The fuzz run finds what it is there to find, and a small one finds nothing in this version."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

import benchmarks.fuzz.guard as fuzz_guard
from benchmarks.fuzz.guard import WRONG, guarded
from benchmarks.fuzz.kinds import KINDS
from benchmarks.fuzz.run import fuzz
from tpige_kedro.errors import SampleError


def nothing() -> None:
    """A good end."""


def ours() -> None:
    raise SampleError("s1", "no face", "use another photo")


def theirs() -> None:
    raise KeyError("choices")


def endless() -> None:
    time.sleep(60)


def greedy() -> None:
    assert len(b"x" * 3_000_000_000)


def ended() -> None:
    os.kill(os.getpid(), signal.SIGSEGV)


@pytest.mark.parametrize(
    ("act", "word"),
    [(nothing, "result"), (ours, "named"), (theirs, "traceback"), (endless, "hang"), (greedy, "memory"), (ended, "crash")],
)  # fmt: skip
def test_every_outcome_is_told_apart(
    act: Callable[[], None], word: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fuzz_guard, "SECONDS", 1 if act is endless else 20)
    assert guarded(act, ("s1",), tmp_path / "outcome").word == word


def test_an_error_that_names_nothing_is_a_fault(tmp_path: Path) -> None:
    assert guarded(ours, ("s2",), tmp_path / "outcome").word == "unnamed"


@pytest.mark.parametrize("name", KINDS)
def test_a_small_run_finds_nothing(name: str, tmp_path: Path) -> None:
    counts = fuzz(KINDS[name], 2 if name == "yaml" else 4, seed=7, out=tmp_path)
    wrong = [file.read_text() for file in tmp_path.glob("*.txt")]
    assert not [word for word in WRONG if counts[word]], wrong


@pytest.mark.parametrize("name", KINDS)
def test_the_same_number_gives_the_same_input(name: str) -> None:
    picked = [KINDS[name].pick(Random("1 2")) for _ in range(2)]
    assert picked[0] == picked[1]
