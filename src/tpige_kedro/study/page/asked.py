"""A vote as the browser sends it, checked: nothing else gets near the store."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

Answer = Literal["left", "right", "tie", "unsure"]
VOTE_ID = r"^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$"
DAY = 86_400.0  # seconds; who left the page open is not slower than that


class Sent(BaseModel):
    """The body of a vote: ``vote_id`` is made by the browser, so that sending it again is the same vote."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    vote_id: Annotated[str, Field(pattern=VOTE_ID, max_length=36)]
    question: Annotated[str, Field(max_length=100)]
    answer: Answer
    seconds: Annotated[float, Field(ge=0, allow_inf_nan=False)]


class NotAVote(Exception):
    """What was sent is not a vote on this question."""


def read_vote(body: bytes, questions: Collection[str]) -> Sent:
    """The vote in the body of a request. Raises :class:`NotAVote`.

    >>> body = b'{"vote_id": "00000000-0000-4000-8000-000000000000", "question": "overall", "answer": "tie", "seconds": 2}'
    >>> read_vote(body, ["overall"]).answer
    'tie'
    """
    try:
        found = Sent.model_validate_json(body)
    except ValidationError as error:
        raise NotAVote("this is not a vote") from error
    if found.question not in questions:
        raise NotAVote("this is not asked")
    return found


def in_pair(answer: Answer, left: str) -> str:
    """An answer about sides as one about the clips of the pair.

    >>> in_pair("right", "b"), in_pair("left", "b"), in_pair("tie", "b")
    ('a', 'b', 'tie')
    """
    if answer == "left":
        return left
    if answer == "right":
        return other(left)
    return answer


def on_page(answer: str, left: str) -> str:
    """The opposite of :func:`in_pair`.

    >>> on_page("a", "b"), on_page("unsure", "b")
    ('right', 'unsure')
    """
    if answer not in {"a", "b"}:
        return answer
    return "left" if answer == left else "right"


def other(side: str) -> str:
    """The other clip of the pair."""
    return "b" if side == "a" else "a"


def place_of(text: str) -> int | None:
    """The number of a pair in an address; None if it is none.

    >>> place_of("12"), place_of("0"), place_of("١"), place_of("1e3")
    (12, None, None, None)
    """
    return int(text) if re.fullmatch(r"[1-9][0-9]{0,6}", text) else None
