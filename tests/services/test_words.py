from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tpige_kedro.services.words import SHOWN, short, words_of

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["error", "message", "detail", "x"]), inner, max_size=3)
    ),
    max_leaves=8,
)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"error": "Unexpected endpoint"}, "Unexpected endpoint"),
        ({"error": {"message": "no such model", "code": 404}}, "no such model"),
        ([{"error": {"message": "Unknown name", "status": "INVALID"}}], "Unknown name"),
        ({"object": "error", "message": "too long", "type": "BadRequestError"}, "too long"),
        ({"detail": "Not Found"}, "Not Found"),
        (
            {"detail": [{"type": "extra_forbidden", "loc": ["body", "seed"], "msg": "no"}]},
            "body.seed: no",
        ),
        ({"message": {"detail": [{"loc": ["body", "seed"], "msg": "no"}]}}, "body.seed: no"),
        ({"errors": ["a", {"message": "b"}]}, "a; b"),
        ("<!DOCTYPE html><title>Log in</title><script>x()</script>", "an HTML page: Log in"),
        ("  plain\n words ", "plain words"),
        ("", "nothing"),
        ("\x1b[31mred\x07", "\\x1b[31mred\\x07"),
        ("\u202eevil", "\\u202eevil"),
    ],
)
def test_what_a_server_says(body: Any, words: str) -> None:
    assert words_of(body) == words


@given(JSON)
def test_any_body_has_words_that_can_be_printed(body: Any) -> None:
    words = words_of(body)
    assert words and words.isprintable() and len(words) <= 10 * SHOWN


def test_it_is_short() -> None:
    assert len(short("x " * 1000)) <= SHOWN
