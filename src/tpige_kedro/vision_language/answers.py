"""The content of a model's answer, whatever the model wrote around it: a JSON object of the schema, or the plain text of a caption.

One reader for all questions. Thinking is taken out, fences, prose and slips of JSON are seen through; of several objects the last
one counts that has the keys of the form. An answer that is a whole JSON text is taken as it is, whatever its texts say.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from typing import Any

from tpige_kedro.errors import AnswerError
from tpige_kedro.services.json_answer import whole_characters
from tpige_kedro.vision_language.loose_json import INVISIBLE, LONGEST, BrokenError, objects_in
from tpige_kedro.vision_language.thinking import Thought, has_tags, without_thinking

FENCED = re.compile(r"(?<![`~])(`{3,16}|~{3,16})[^\n`~]*+\n(.*?)\n?[ \t]*\1", re.DOTALL)
QUOTES = {'"': '"', "“": "”", "«": "»", "'": "'"}
SHOWN = 80  # characters of an answer that an error repeats
MORE_TOKENS = "raise options.max_tokens, or switch the model's thinking off at its server"


def object_in(answer: str, keys: Collection[str] = ()) -> dict[str, Any]:
    """The last JSON object in ``answer`` that has all ``keys``, also one level down (``{"answer": {…}}``).

    Without one that has them all, the object that has most of them.

    Raises:
        AnswerError: there is no object, only thinking, or an object that ends too early.

    >>> object_in(
    ...     '<think>{brown}?</think> ```json\\n{"caption": "A man."}\\n``` Done.', ["caption"]
    ... )
    {'caption': 'A man.'}
    """
    thought, found = _said(answer)
    candidates = [inner for outer in found or [] for inner in _nested(outer)]
    if not candidates and thought.unfinished:
        raise _only_thinking(thought)
    if found is None:
        raise AnswerError(f"the answer's JSON is broken or ends too early ({_shown(answer)})")
    if not candidates:
        raise AnswerError(f"the answer holds no JSON object ({_shown(thought.answer)})")
    wanted = set(keys)
    fits = [len(wanted & set(candidate)) for candidate in candidates]
    if max(fits) == 0:
        return found[-1]
    return candidates[max(range(len(fits)), key=lambda index: (fits[index], index))]


def caption_in(answer: str, original: str) -> str:
    """The caption in ``answer``: the form's value, or the plain text of a model that does not follow the form.

    Quotation marks around all of it are taken off unless ``original`` begins with the same.

    Raises:
        AnswerError: empty, only thinking, or JSON of another form.
    """
    thought, found = _said(answer)
    if not found and has_tags(original):
        thought = Thought(answer.strip())  # the tags may be the caption's own
    text = unfenced(thought.answer)
    forms = [part for outer in found or [] for part in _nested(outer) if "caption" in part]
    if (forms and '"caption"' not in original) or _is_form(found, text):
        text = forms[-1]["caption"]
        if not isinstance(text, str):
            raise AnswerError(f"the answer's JSON has no text under caption ({_shown(answer)})")
        text = text.strip()
    elif text.startswith("{") and not original.lstrip().startswith("{"):
        object_in(answer)  # raises where it is broken
        raise AnswerError(f"the answer's JSON has no text under caption ({_shown(answer)})")
    if not original.lstrip().startswith(text[:1]) and text.endswith(QUOTES.get(text[:1], "\0")):
        text = text[1:-1].strip()
    if not text and thought.unfinished:
        raise _only_thinking(thought)
    if not text:
        raise AnswerError("the answer is empty")
    return whole_characters(text)


def unfenced(answer: str) -> str:
    """``answer`` without a Markdown code fence around its content."""
    fence = FENCED.search(answer)
    return (fence.group(2) if fence else answer).strip().lstrip(INVISIBLE).strip()


def _said(answer: str) -> tuple[Thought, list[dict[str, Any]] | None]:
    """The answer without thinking and the objects in it; None where one is broken.

    Thinking that never ends may still end in the answer, if the model forgot the closing tag: then its last object counts.
    """
    answer = answer[-LONGEST:]  # what is longer is thinking, and the answer stands at its end
    whole = answer.strip().lstrip(INVISIBLE).strip()
    if whole.startswith("{") and whole.endswith("}") and len(found := _objects(whole) or []) == 1:
        return Thought(whole), found
    thought = without_thinking(answer)
    found_or_none = _objects(thought.answer)
    if not found_or_none and thought.unfinished and _ends_in_object(thought.unfinished):
        return thought, (_objects(thought.unfinished) or [])[-1:]
    return thought, found_or_none


def _objects(text: str) -> list[dict[str, Any]] | None:
    try:
        return objects_in(text)
    except BrokenError:
        return None


def _ends_in_object(text: str) -> bool:
    return text.rstrip("` \n\r\t~").endswith("}")


def _nested(outer: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """What an object holds that might be the form, then the object itself."""
    for part in outer.values():
        if isinstance(part, dict):
            yield part
        elif isinstance(part, str) and part.lstrip().startswith("{"):
            yield from _objects(part) or []
    yield outer


def _is_form(found: list[dict[str, Any]] | None, text: str) -> bool:
    """Whether all of ``text`` is the form, also where the caption itself begins with a brace."""
    return bool(found) and text.startswith("{") and [*map(list, found or [])] == [["caption"]]


def _only_thinking(thought: Thought) -> AnswerError:
    return AnswerError(
        "the model was still thinking when its answer ended: the thinking used up the tokens "
        f"({_shown(thought.unfinished)})",
        MORE_TOKENS,
    )


def _shown(answer: str) -> str:
    text = " ".join(answer.split())
    return f"it begins {text[:SHOWN]!r}" if text else "it is empty"
