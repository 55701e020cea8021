"""How long the client waits between two attempts."""

from __future__ import annotations

import time

import pytest

from tpige_kedro.video_generators.minimax_api import ATTEMPTS, LONGEST_WAIT, MinimaxApi


@pytest.fixture
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    seconds: list[float] = []
    monkeypatch.setattr(time, "sleep", seconds.append)
    return seconds


@pytest.mark.parametrize(
    ("attempt", "asked", "least", "most"),
    [
        (0, None, 1.0, 1.5),
        (2, None, 4.0, 6.0),
        (0, 20.0, 20.0, 20.0),
        (0, 0.1, 1.0, 1.5),
        (0, 1e6, LONGEST_WAIT, LONGEST_WAIT),
    ],
)
def test_at_least_what_the_service_asks_for_and_never_without_end(
    attempt: int, asked: float | None, least: float, most: float, slept: list[float]
) -> None:
    MinimaxApi("http://127.0.0.1", "a key")._wait(attempt, "busy", asked)
    assert len(slept) == 1 and least <= slept[0] <= most


def test_nobody_waits_behind_the_last_attempt(slept: list[float]) -> None:
    MinimaxApi("http://127.0.0.1", "a key")._wait(ATTEMPTS - 1, "busy", 20.0)
    assert slept == []
