"""Which optional parts of a request a server accepts, learned from its refusals and remembered while the process runs."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from threading import Lock
from typing import Any

from tpige_kedro.services.words import words_of

logger = logging.getLogger(__name__)

LIMIT, NEW_LIMIT = "max_tokens", "max_completion_tokens"
OTHER_LIMIT = {LIMIT: NEW_LIMIT, NEW_LIMIT: LIMIT}
OPTIONAL = ("temperature", "seed", "top_p", "reasoning_effort", *OTHER_LIMIT, "response_format")
REFUSALS = (400, 422, 501)
SCHEMA = re.compile(
    r"json[_ ]?(schema|object|mode)|structured[_ ]output|guided|grammar|response[_ ]?format",
    re.IGNORECASE,
)
SYSTEM = re.compile(
    r"system['\"`]? (role|message|prompt|instruction)s?\b.{0,40}(not|n't|un)|role.{0,20}system.{0,40}(not|n't|un)"
    r"|(not|n't|un\w+).{0,40}system['\"`]? (role|message)|does not support 'system'|roles must alternate",
    re.IGNORECASE,
)
VALUE = re.compile(
    r"too (large|long|many|high|small)|context|exceed|at most|less than|maximum|limit",
    re.IGNORECASE,
)
NAME = re.compile(
    r"not supported|unsupported|unrecogni|unknown|unexpected|instead|not permitted|deprecated|extra",
    re.IGNORECASE,
)
OF_THE_QUESTION = re.compile(
    r"content.{0,12}(filter|polic)|safety|moderation|context|image|photo|token", re.IGNORECASE
)
READ = 3000  # characters of a refusal that are searched for names


class Dialect:
    """How requests for one model at one server are to be put; several threads may ask and learn.

    Args:
        name: of the model, for the log.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._refused: set[str] = set()
        self._not_the_form: set[str] = set()  # refusals that stayed without a schema
        self._lock = Lock()

    @property
    def structured(self) -> bool:
        """Whether the server accepts a JSON schema, if that is known."""
        return "response_format" not in self._refused

    def put(
        self, request: Mapping[str, Any], in_words: str, with_form: bool = True
    ) -> dict[str, Any]:
        """``request`` without what the server refused; ``in_words`` tells the schema where it is not sent."""
        put = dict(request)
        with_form = with_form and self.structured
        without = self._refused | (set() if with_form else {"response_format"})
        for part in sorted(without & set(OPTIONAL)):
            value = put.pop(part, None)
            other = OTHER_LIMIT.get(part)
            if other and value is not None and other not in self._refused:
                put[other] = value
        system, user = put["messages"]
        told = system["content"] if with_form else f"{system['content']}\n\n{in_words}"
        put["messages"] = [{**system, "content": told}, user]
        if "system" in self._refused:
            first, *others = user["content"]
            text = f"{told}\n\n{first['text']}"
            put["messages"] = [{**user, "content": [{**first, "text": text}, *others]}]
        return put

    def learn(self, body: object, sent: Mapping[str, Any]) -> bool:
        """Whether to ask again, because the refusal ``body`` names parts of ``sent`` that can be left out or put otherwise."""
        words = words_of(body)
        refused = self.named(body, sent)
        if refused & {LIMIT, NEW_LIMIT} and VALUE.search(words) and not NAME.search(words):
            return False  # its value is refused, not its name
        with self._lock:
            for part in sorted(refused - self._refused):
                self._refused.add(part)
                logger.warning("%s takes no %s (%s): %s", self.name, part, words, self._instead(part))  # fmt: skip
        return bool(refused)

    def named(self, body: object, sent: Mapping[str, Any]) -> set[str]:
        """The optional parts of ``sent`` that a refusal is about: as its fields say, else as its words do."""
        could = {part for part in OPTIONAL if part in sent}
        fields = {part for part in could if part in _fields(body, depth=6)}
        if fields:
            return fields
        words = words_of(body, READ)
        found = {part for part in could if re.search(rf"(?<![\w]){part}(?![\w])", words)}
        if "response_format" in could and SCHEMA.search(words):
            found.add("response_format")
        if len(sent["messages"]) > 1 and not found and SYSTEM.search(words):
            found.add("system")
        return found

    def may_be_the_form(self, body: object, sent: Mapping[str, Any]) -> bool:
        """Whether a refusal that names nothing might be about the schema."""
        words = words_of(body)
        is_new = words not in self._not_the_form and not OF_THE_QUESTION.search(words)
        return "response_format" in sent and is_new

    def it_was_the_form(self, body: object, taken: bool) -> None:
        """What became of the question without a schema: ``taken``, or refused like before."""
        with self._lock:
            if not taken:
                self._not_the_form.add(words_of(body))
            elif self.structured:
                self._refused.add("response_format")
                logger.warning("%s takes no response_format (%s): %s", self.name, words_of(body), self._instead("response_format"))  # fmt: skip

    def _instead(self, part: str) -> str:
        other = OTHER_LIMIT.get(part)
        if other and other not in self._refused:
            return f"sent as {other} from now on"
        if part == "response_format":
            return "the JSON schema goes into the prompt from now on"
        if part == "system":
            return "the instruction is sent with the question from now on"
        return "left out from now on"


_dialects: dict[tuple[str, str], Dialect] = {}
_guard = Lock()


def dialect_of(base_url: str, model: str) -> Dialect:
    """What is known of ``model`` at ``base_url``: the same object for all clients of this process."""
    with _guard:
        return _dialects.setdefault((base_url.rstrip("/"), model), Dialect(model))


def forget_dialects() -> None:
    """Know nothing of any server."""
    with _guard:
        _dialects.clear()


def _fields(body: object, depth: int) -> set[str]:
    """The names of parameters in the fields that servers have for them: ``param``, and the last of FastAPI's ``loc``."""
    if depth == 0:
        return set()
    if isinstance(body, list):
        return set().union(*(_fields(part, depth - 1) for part in body[:20]))
    if not isinstance(body, dict):
        return set()
    found = set()
    if isinstance(body.get("param"), str):
        found.add(body["param"].partition(".")[0])
    if isinstance(body.get("loc"), list):
        found |= {part for part in body["loc"] if isinstance(part, str)}
    inner = (body[key] for key in ("error", "detail", "message", "errors") if key in body)
    return found.union(*(_fields(part, depth - 1) for part in inner))
