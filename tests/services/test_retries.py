from __future__ import annotations

from email.utils import formatdate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tpige_kedro.services.retries import retry_after, waiting_time


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "2"}, 2),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after-ms": "250", "retry-after": "9"}, 0.25),
        ({"retry-after": formatdate(1_000_030, usegmt=True)}, 30),
        ({"retry-after": formatdate(999_000, usegmt=True)}, 0),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "-3"}, None),
        ({"retry-after": "nan"}, None),
    ],
)
def test_what_a_service_asks_for(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after(headers, now=1_000_000) == seconds


@given(st.integers(0, 40), st.none() | st.floats(0, 1000), st.floats(0.01, 100))
def test_waits_are_bounded_and_never_shorter_than_asked(
    attempt: int, asked: float | None, most: float
) -> None:
    wait = waiting_time(attempt, asked, most)
    if asked is None:
        assert wait is not None and 0 < wait <= most
    elif asked > most:
        assert wait is None
    else:
        assert wait is not None and asked <= wait <= asked + 1


def test_clients_do_not_come_back_together() -> None:
    assert len({waiting_time(3, None, 60) for _ in range(20)}) > 10
    assert max(waiting_time(0, None, 60) or 0 for _ in range(50)) <= 0.5
    assert min(waiting_time(3, None, 60) or 0 for _ in range(50)) >= 2
