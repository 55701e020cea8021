"""What stands in a model's answer: JSON with or without a fence and talk around it, or the plain text of a caption."""

from __future__ import annotations

import json
import re
from typing import Any

from tpige_kedro.errors import AnswerError

FENCED = re.compile(r"```[\w-]*[ \t]*\n(.*?)\n?[ \t]*```", re.DOTALL)
QUOTES = {'"': '"', "“": "”", "«": "»", "'": "'"}
SHOWN = 80  # characters of an answer that an error repeats


def object_in(answer: str) -> dict[str, Any]:
    """The first JSON object in ``answer``.

    Raises:
        AnswerError: none, or one that ends too early.
    """
    text = unfenced(answer)
    start = text.find("{")
    if start < 0:
        raise AnswerError(f"the answer holds no JSON object ({_shown(answer)})")
    try:
        found, _ = json.JSONDecoder().raw_decode(text[start:])
    except ValueError as error:
        raise AnswerError(
            f"the answer's JSON is broken or ends too early ({_shown(answer)})"
        ) from error
    return dict(found)


def caption_in(answer: str, original: str) -> str:
    """The caption in ``answer``: the form's value, or the plain text of a model that does not follow the form.

    Quotation marks around all of it are taken off unless ``original`` begins with the same.

    Raises:
        AnswerError: empty, or JSON of another form.
    """
    text = unfenced(answer)
    if text.startswith("{") and (_is_form(text) or not original.lstrip().startswith("{")):
        caption = object_in(text).get("caption")
        if not isinstance(caption, str):
            raise AnswerError(f"the answer's JSON has no text under caption ({_shown(answer)})")
        text = caption.strip()
    if not original.lstrip().startswith(text[:1]) and text.endswith(QUOTES.get(text[:1], "\0")):
        text = text[1:-1].strip()
    if not text:
        raise AnswerError("the answer is empty")
    return text


def _is_form(text: str) -> bool:
    """Whether all of ``text`` is the form, also where the caption itself begins with a brace."""
    try:
        found = json.loads(text)
    except ValueError:
        return False
    return isinstance(found, dict) and list(found) == ["caption"]


def unfenced(answer: str) -> str:
    """``answer`` without a Markdown code fence around its content."""
    fence = FENCED.search(answer)
    return (fence.group(1) if fence else answer).strip()


def _shown(answer: str) -> str:
    text = " ".join(answer.split())
    return f"it begins {text[:SHOWN]!r}" if text else "it is empty"
