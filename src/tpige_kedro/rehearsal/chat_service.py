"""Stands in for a language model: it answers in the protocol of chat completions."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tpige_kedro.rehearsal.loopback import Answering, serving

PICTURE_TOKENS = 765  # of 768 x 768 pixels, as OpenAI counts GPT-4o's tiles
LETTERS = 4  # of a token, about
FACE = {
    "face_visible": True,
    "age_range": {"value": "20-35", "confidence": 0.9},
    "gender_presentation": None,
    "skin": None,
    "hair": None,
    "eyes": {"value": "brown eyes", "confidence": 0.9},
    "facial_hair": None,
    "traits": [{"value": "freckles", "confidence": 0.9}],
}
CAPTION = re.compile(r"<(caption-\w+)>\n(.*)\n</\1>", re.DOTALL)
PORTRAIT = "A portrait of {role}, {clause}."
CLAUSE = "with brown eyes and freckles"


@contextmanager
def chat_stand_in() -> Iterator[str]:
    """The address of a server that lives as long as the block."""
    with serving(Handler) as address:
        yield f"{address}/v1"


def answer_to(body: dict[str, Any]) -> dict[str, Any]:
    """A completion; tokens are estimated from the letters of what was asked and answered, and from the picture."""
    parts = [part for message in body["messages"] for part in _parts(message["content"])]
    text = "\n".join(part["text"] for part in parts if part["type"] == "text")
    pictures = sum(part["type"] == "image_url" for part in parts)
    found = CAPTION.search(text)
    answer = json.dumps(FACE if found is None else {"caption": rewritten(found[2], text)})
    schema = json.dumps(body.get("response_format", ""))
    asked = (len(text) + len(schema)) // LETTERS + pictures * PICTURE_TOKENS
    told = len(answer) // LETTERS
    return {
        "id": "rehearsal",
        "object": "chat.completion",
        "created": 0,
        "model": str(body.get("model", "")),
        "choices": [
            {
                "index": 0,
                "finish_reason": "stop",
                "message": {"role": "assistant", "content": answer, "refusal": None},
            }
        ],
        "usage": {"prompt_tokens": asked, "completion_tokens": told, "total_tokens": asked + told},
    }


def rewritten(caption: str, instruction: str) -> str:
    """The caption with a face in it, or one sentence of it for a painter; both by the rules that the project has for them."""
    from tpige_kedro.prompts.clause import insert_clause
    from tpige_kedro.prompts.reference_prompt import reference_prompt

    if "painter" in instruction:
        return reference_prompt(caption, CLAUSE, PORTRAIT)
    return insert_clause(caption, CLAUSE)


def _parts(content: Any) -> list[dict[str, Any]]:
    return [{"type": "text", "text": content}] if isinstance(content, str) else list(content)


class Handler(Answering):
    """Answers every question."""

    def do_POST(self) -> None:
        """One completion."""
        self.answer(answer_to(self.asked()))
