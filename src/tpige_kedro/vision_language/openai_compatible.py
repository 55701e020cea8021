"""Models behind the chat-completions protocol: OpenAI's, and those that vLLM, Ollama or LM Studio serve."""

from __future__ import annotations

import logging
import os
import time
from threading import Lock
from typing import Annotated, Any, ClassVar

from pydantic import Field

from tpige_kedro.errors import ServiceError
from tpige_kedro.option_types import Amount, Count, Seconds, Url
from tpige_kedro.vision_language.budget import Budget
from tpige_kedro.vision_language.chat import ChatModel, Question
from tpige_kedro.vision_language.completions import (
    is_whole,
    refuse_secrets_in,
    request_of,
    short,
    text_of,
    usage_of,
)
from tpige_kedro.vision_language.retries import retry_after, waiting_time
from tpige_kedro.vision_language.usage import Usage, meter

logger = logging.getLogger(__name__)

OPENAI = "https://api.openai.com/v1"
REFUSES_ALL = (401, 403, 404)  # key, rights, name of the model: no other question would fare better
REFUSES_FORM = (400, 422)  # how servers without structured output answer to a schema
WORTH_REPEATING = (408, 409, 425, 429)


class OpenAICompatible(ChatModel):
    """Asks a chat-completions service (paper sections 3.2, 3.3: GPT-4o).

    Answers come as structured output; a server that refuses that gets the schema in words instead. Requests that fail for a
    passing reason are repeated: after what ``Retry-After`` asks for, else after a growing random wait. The key is read from the
    environment and stands in no record, log or error.

    Args:
        model: the model's name at the service.
        base_url: where the service is; it must hold no password.
        key_variable: the environment variable with the key; None, or one that is not set, for servers that take none.
        temperature: 0 for the likeliest answer; None for models that take no temperature.
        seed: for services that can repeat an answer; None to send none.
        max_tokens: of an answer; None for models that do not take this parameter.
        max_side: pixels of the uploaded picture's longer side.
        concurrency: questions under way at a time.
        timeout: seconds for an answer to be complete.
        retries: how often a request is repeated.
        max_wait: seconds between two requests at most; a service that asks for more counts as not answering.
        max_requests, max_dollars, input_price, output_price: see :class:`.Budget`.
    """

    version: ClassVar[int] = 1  # raise it when a question or its answer is put or read otherwise
    service = True

    def __init__(
        self,
        model: str,
        base_url: Url = OPENAI,
        key_variable: str | None = "OPENAI_API_KEY",
        temperature: Amount | None = 0.0,
        seed: int | None = 0,
        max_tokens: Count | None = 700,
        max_side: Count = 768,
        concurrency: Count = 8,
        timeout: Seconds = 60.0,
        retries: Annotated[int, Field(ge=0)] = 5,
        max_wait: Amount = 60.0,
        max_requests: Count | None = None,
        max_dollars: Amount | None = None,
        input_price: Amount = 0.0,
        output_price: Amount = 0.0,
    ) -> None:
        from openai import OpenAI

        from tpige_kedro.vision_language.bounded_http import BoundedClient

        refuse_secrets_in(base_url)
        self.model = model
        self.max_side = max_side
        self.concurrency = concurrency
        self.retries = retries
        self.max_wait = max_wait
        self.budget = Budget(max_requests, max_dollars, input_price, output_price)
        fixed = {"model": model, "temperature": temperature, "seed": seed, "max_tokens": max_tokens}
        self._fixed = {key: value for key, value in fixed.items() if value is not None}
        self._key = os.environ.get(key_variable, "") if key_variable else ""
        self._client = OpenAI(
            api_key=self._key or "none",
            base_url=base_url,
            timeout=timeout,
            max_retries=0,  # repeated here, so that every request is counted and broken answers are repeated too
            http_client=BoundedClient(timeout, self._key),
        )
        self._structured = True
        self._refused_all = ""  # why nothing more needs to be asked
        self._lock = Lock()

    def answer(self, question: Question) -> str:
        """The text of the answer; see :meth:`.ChatModel.answer` for errors."""
        if self._structured:
            try:
                return text_of(self._ask(question, structured=True))
            except _FormRefusedError as refused:
                answer = text_of(self._ask(question, structured=False))
                with self._lock:
                    if self._structured:
                        logger.warning(
                            "%s takes no JSON schema (%s): it is told in words", self.model, refused
                        )
                    self._structured = False
                return answer
        return text_of(self._ask(question, structured=False))

    def _ask(self, question: Question, structured: bool) -> Any:
        """The completion, asked for until it comes whole or there is no use in asking again."""
        request = {**self._fixed, **request_of(question, self.max_side, structured)}
        for attempt in range(self.retries + 1):
            problem, asked = self._send(request, structured)
            if problem is None:
                return asked
            wait = waiting_time(attempt, asked, self.max_wait)
            if wait is None:
                problem += (
                    f"; it asks to wait {asked:.0f} s, more than max_wait ({self.max_wait:g})"
                )
                break
            if attempt < self.retries:
                logger.info("%s: %s; asking again in %.1f s", self.model, problem, wait)
                time.sleep(wait)
        raise ServiceError(
            f"{self.model} gave no answer: {problem}; run the same command again later"
        )

    def _send(self, request: dict[str, Any], structured: bool) -> tuple[str | None, Any]:
        """(None, the completion), or what went wrong for now and the seconds that the service asks to wait.

        Raises:
            ServiceError: what went wrong will stay wrong.
        """
        import openai

        if self._refused_all:
            raise ServiceError(self._refused_all)
        self.budget.take()
        started = time.perf_counter()
        usage = Usage(requests=1)
        try:
            completion = self._client.chat.completions.create(**request)
            usage = usage_of(completion)
            return (None, completion) if is_whole(completion) else ("no chat completion came", None)
        except openai.APIStatusError as error:
            return self._judge(error, structured)
        except openai.APITimeoutError:
            return "no complete answer in time", None
        except openai.APIConnectionError as error:
            return f"the connection failed ({short(error.__cause__ or error)})", None
        except (openai.OpenAIError, ValueError) as error:  # ValueError: JSON that ends too early
            return f"a broken answer came ({short(error)})", None
        finally:
            usage.seconds = time.perf_counter() - started
            self.budget.spend(usage)
            meter(self.model, usage)

    def _judge(self, error: Any, structured: bool) -> tuple[str, float | None]:
        """What a refusing status means: worth repeating, or final."""
        status = error.status_code
        said = f"HTTP {status}: {short(error)}"
        if structured and status in REFUSES_FORM:
            raise _FormRefusedError(said) from None
        if status in REFUSES_ALL or error.code == "insufficient_quota":
            self._refused_all = f"{self.model} refuses every question ({said}); check the key, the name of the model and the account"
            raise ServiceError(self._refused_all) from None
        if status < 500 and status not in WORTH_REPEATING:
            raise ServiceError(
                f"{self.model} refuses this question ({said}); see what it says"
            ) from None
        return said, retry_after(error.response.headers)


class _FormRefusedError(Exception):
    """The server does not take the JSON schema."""
