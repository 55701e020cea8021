"""Chat completions: a question as a request, and what a completion says."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from tpige_kedro.errors import AnswerError
from tpige_kedro.services.words import short
from tpige_kedro.vision_language.answers import MORE_TOKENS
from tpige_kedro.vision_language.chat import Question
from tpige_kedro.vision_language.pictures import data_uri
from tpige_kedro.vision_language.usage import Usage

MOST_TOKENS = 10_000_000  # of one answer; a server that counts more miscounts
NO_ANSWER = "use another photo, or another reader"


def request_of(question: Question, max_side: int) -> dict[str, Any]:
    """``messages`` and a JSON schema as ``response_format``; what a server does not take is left out later."""
    content: list[dict[str, Any]] = [{"type": "text", "text": question.material}]
    if question.picture is not None:
        picture = {"url": data_uri(question.picture, max_side)}
        content.append({"type": "image_url", "image_url": picture})
    form = question.form
    schema = {"name": form.name, "strict": True, "schema": form.schema}
    return {
        "messages": [
            {"role": "system", "content": question.instruction},
            {"role": "user", "content": content},
        ],
        "response_format": {"type": "json_schema", "json_schema": schema},
    }


@dataclass(frozen=True)
class Completion:
    """What an answer says, each part of the type that it should have or empty.

    ``text`` is what was said; ``thinking`` what servers send in a field of its own; ``reason`` why the answer ended.
    """

    text: str
    thinking: str
    refusal: str
    reason: str
    usage: Usage
    thinking_tokens: int = 0


def read_completion(answer: Any) -> Completion | None:
    """The completion in ``answer``, plain JSON types; None if it is none. Nothing in it is believed to be of its type."""
    choices = answer.get("choices") if isinstance(answer, dict) else None
    choice = choices[0] if isinstance(choices, list) and choices else None
    if not isinstance(choice, dict):
        return None
    message = choice.get("message")
    if not isinstance(message, dict):
        if not isinstance(choice.get("text"), str):
            return None
        message = {"content": choice["text"]}
    elif not message:
        return None
    usage = answer.get("usage")
    usage = usage if isinstance(usage, dict) else {}
    details = usage.get("completion_tokens_details")
    thinking_tokens = details.get("reasoning_tokens") if isinstance(details, dict) else 0
    return Completion(
        _text(message.get("content")) or _called(message),
        _text(message.get("reasoning_content")) or _text(message.get("reasoning")),
        _text(message.get("refusal")),
        _text(choice.get("finish_reason")),
        Usage(1, 1, _count(usage.get("prompt_tokens")), _count(usage.get("completion_tokens"))),
        _count(thinking_tokens),
    )


def text_of(said: Completion, max_tokens: int | None) -> str:
    """What the model said; thinking alone comes as an unfinished block, in case that the server put the answer into it.

    Raises:
        AnswerError: refused, cut off or empty, with the likely cause.
    """
    if said.refusal and not said.text.strip():
        raise AnswerError(f"the model refused: {short(said.refusal)}", NO_ANSWER)
    if said.reason in {"content_filter", "safety", "SAFETY"}:
        raise AnswerError("the service's content filter withheld the answer", NO_ANSWER)
    limit = f"max_tokens ({max_tokens})" if max_tokens else "the server's limit of tokens"
    thought = _spent_on_thinking(said)
    if said.reason in {"length", "max_tokens", "MAX_TOKENS"}:
        raise AnswerError(f"the answer was cut off at {limit}{thought}", MORE_TOKENS)
    if said.text.strip():
        return said.text
    if said.thinking.strip():
        return f"<think>{said.thinking}"
    if thought:
        raise AnswerError(f"the answer is empty{thought}", MORE_TOKENS)
    remedy = "look at the server's log: models that think may have used up the tokens (raise options.max_tokens)"
    raise AnswerError("the answer is empty", remedy)


def _spent_on_thinking(said: Completion) -> str:
    if said.thinking_tokens:
        return f": thinking used up {said.thinking_tokens} of {said.usage.output_tokens} tokens"
    begun = said.text.lstrip().startswith(("<think", "<|channel|>analysis", "[THINK]"))
    return ": the model's thinking used up the tokens" if said.thinking or begun else ""


def _text(content: Any) -> str:
    """The text of a message, also one in parts (those that are thinking left out) or as an object; empty for anything else."""
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        parts = [part if isinstance(part, str) else _part(part) for part in content]
        return "".join(parts)
    return json.dumps(content) if isinstance(content, dict) and content else ""


def _part(part: Any) -> str:
    if not isinstance(part, dict) or "think" in str(part.get("type")) or "reason" in str(part.get("type")):  # fmt: skip
        return ""
    text = part.get("text")
    if isinstance(text, dict):
        text = text.get("value")
    return text if isinstance(text, str) else ""


def _called(message: dict[str, Any]) -> str:
    """The arguments of a tool that the model called to answer; empty if it called none."""
    calls = message.get("tool_calls")
    call = calls[-1] if isinstance(calls, list) and calls else None
    function = call.get("function") if isinstance(call, dict) else message.get("function_call")
    return _text(function.get("arguments")) if isinstance(function, dict) else ""


def _count(tokens: Any) -> int:
    is_number = isinstance(tokens, int | float) and not isinstance(tokens, bool)
    return int(tokens) if is_number and 0 <= tokens <= MOST_TOKENS else 0
