"""Chat completions: a question as a request, and what a completion says."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from tpige_kedro.errors import AnswerError, ModelError
from tpige_kedro.vision_language.chat import Question
from tpige_kedro.vision_language.pictures import data_uri
from tpige_kedro.vision_language.usage import Usage

SHOWN = 300  # characters of what a service says that an error repeats


def request_of(question: Question, max_side: int, structured: bool) -> dict[str, Any]:
    """``messages``, and ``response_format`` if the server takes a JSON schema; else the schema is told in words."""
    told, form = question.instruction, question.form
    if not structured:
        told = f"{told}\n\n{form.in_words()}"
    content: list[dict[str, Any]] = [{"type": "text", "text": question.material}]
    if question.picture is not None:
        picture = {"url": data_uri(question.picture, max_side)}
        content.append({"type": "image_url", "image_url": picture})
    messages = [{"role": "system", "content": told}, {"role": "user", "content": content}]
    if not structured:
        return {"messages": messages}
    schema = {"name": form.name, "strict": True, "schema": form.schema}
    return {
        "messages": messages,
        "response_format": {"type": "json_schema", "json_schema": schema},
    }


def text_of(completion: Any) -> str:
    """What the model said. Raises ``AnswerError`` where it refused, was cut off or said nothing."""
    choice = completion.choices[0]
    if choice.message.refusal:
        raise AnswerError(f"the model refused: {short(choice.message.refusal)}")
    if choice.finish_reason == "content_filter":
        raise AnswerError("the service's content filter withheld the answer")
    if choice.finish_reason == "length":
        raise AnswerError("the answer was cut off at max_tokens")
    if not isinstance(choice.message.content, str) or not choice.message.content.strip():
        raise AnswerError("the answer is empty")
    return choice.message.content


def usage_of(completion: Any) -> Usage:
    """The tokens of a completion as the service counted them, 0 where it says nothing."""
    counted = getattr(completion, "usage", None)
    tokens = [getattr(counted, f"{part}_tokens", None) or 0 for part in ("prompt", "completion")]
    return Usage(1, int(is_whole(completion)), *tokens)


def is_whole(completion: Any) -> bool:
    """Whether it is a chat completion with an answer; the client passes on any text or JSON unchecked."""
    choices: Any = getattr(completion, "choices", None)
    return (
        bool(choices)
        and getattr(choices[0], "message", None) is not None
        and hasattr(choices[0].message, "content")
    )


def short(said: object) -> str:
    """The beginning of what a service says, for errors."""
    return str(said)[:SHOWN]


def refuse_secrets_in(base_url: str) -> None:
    """A password in the address would stand in every record: ``ModelError``."""
    parts = urlsplit(base_url)
    if parts.username or parts.password or parts.query:
        raise ModelError(
            "base_url must hold no user, password or query, as it stands in every record; give the key by the environment "
            "variable that key_variable names"
        )
