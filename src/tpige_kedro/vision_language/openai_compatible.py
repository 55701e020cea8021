"""Models behind the chat-completions protocol: OpenAI's, and those that vLLM, Ollama or LM Studio serve."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from tpige_kedro.errors import ServiceError
from tpige_kedro.option_types import Amount, Count, Seconds, Url
from tpige_kedro.services import json_answer
from tpige_kedro.services.address import check_address
from tpige_kedro.services.retries import retry_after, waiting_time
from tpige_kedro.services.secrets import read_key
from tpige_kedro.services.words import HTML, short, words_of
from tpige_kedro.vision_language.budget import Budget
from tpige_kedro.vision_language.chat import ChatModel, Question
from tpige_kedro.vision_language.completions import (
    Completion,
    read_completion,
    request_of,
    text_of,
)
from tpige_kedro.vision_language.dialect import REFUSALS, dialect_of
from tpige_kedro.vision_language.lifetime import Lifetime
from tpige_kedro.vision_language.usage import Usage, meter

logger = logging.getLogger(__name__)

OPENAI = "https://api.openai.com/v1"
REFUSES_ALL = (
    401,
    403,
    404,
    405,
)  # key, rights, model, address: no other question would fare better
FOR_ALL = ("insufficient_quota", "model_not_found", "model_not_available")  # codes of errors
WORTH_REPEATING = (408, 409, 425, 429)
PASSING = re.compile(r"overload|busy|try again|later|rate|timed? ?out|temporar|loading|capacity|unavailable", re.IGNORECASE)  # fmt: skip
VERSIONED = re.compile(r"/(v\d\w*|openai|deployments)(/|$)")


@dataclass(frozen=True)
class Reply:
    """What came of one request: a completion; or what went wrong for now, and the seconds that the service asks to wait; or
    the body of a refusal, which may be about how the question was put.
    """

    completion: Completion | None = None
    problem: str = ""
    wait: float | None = None
    refusal: Any = None


class OpenAICompatible(ChatModel):
    """Asks a chat-completions service (paper sections 3.2, 3.3: GPT-4o).

    Answers come as structured output; a server that refuses that gets the schema in words instead, and one that refuses
    ``temperature``, ``seed``, ``max_tokens`` or the system role is asked without (see :class:`.Dialect`). Requests that fail for a
    passing reason are repeated: after what ``Retry-After`` asks for, else after a growing random wait. The key is read from the
    environment and stands in no record, log or error. No redirect to another host is followed.

    Args:
        model: the model's name at the service.
        base_url: where the service is; it must hold no password.
        key_variable: the environment variable with the key; None, or one that is not set, for servers that take none.
        temperature: 0 for the likeliest answer; None for models that take no temperature.
        seed: for services that can repeat an answer; None to send none.
        reasoning_effort: how long a model thinks before it answers (``none``, ``low`` …); None to send none.
        max_tokens: of an answer, thinking included; None for no limit.
        max_tokens_parameter: the name that the service has for this limit, so that no request is spent on learning it.
        ends, successor: the day on which the service said that the model ends, and the entry of ``models`` to use then.
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
        reasoning_effort: str | None = None,
        max_tokens: Count | None = 700,
        max_tokens_parameter: Literal["max_tokens", "max_completion_tokens"] = "max_tokens",
        max_side: Count = 768,
        concurrency: Count = 8,
        timeout: Seconds = 60.0,
        retries: Annotated[int, Field(ge=0)] = 5,
        max_wait: Amount = 60.0,
        max_requests: Count | None = None,
        max_dollars: Amount | None = None,
        input_price: Amount | None = None,
        output_price: Amount | None = None,
        ends: date | None = None,
        successor: str | None = None,
    ) -> None:
        from openai import OpenAI

        from tpige_kedro.services.bounded_http import BoundedClient

        check_address(base_url)
        self.model = model
        self.base_url = base_url
        self.max_tokens = max_tokens
        self.max_side = max_side
        self.concurrency = concurrency
        self.retries = retries
        self.max_wait = max_wait
        self.budget = Budget(max_requests, max_dollars, input_price, output_price)
        self.dialect = dialect_of(base_url, model)
        self.lifetime = Lifetime(model, date.fromisoformat(str(ends)) if ends else None, successor)
        self.lifetime.warn()
        fixed = {
            "model": model,
            "temperature": temperature,
            "seed": seed,
            "reasoning_effort": reasoning_effort,
            max_tokens_parameter: max_tokens,
        }
        self._fixed = {key: value for key, value in fixed.items() if value is not None}
        key = read_key(key_variable) if key_variable else ""
        self._client = OpenAI(
            api_key=key or "none",
            base_url=base_url,
            timeout=timeout,
            max_retries=0,  # repeated here, so that every request is counted and broken answers are repeated too
            http_client=BoundedClient(timeout, [key]),
        )
        self._refused_all = ""  # why nothing more needs to be asked

    def answer(self, question: Question) -> str:
        """The text of the answer; see :meth:`.ChatModel.answer` for errors."""
        request = {**self._fixed, **request_of(question, self.max_side)}
        return text_of(self._ask(request, question.form.in_words()), self.max_tokens)

    def _ask(self, request: dict[str, Any], in_words: str) -> Completion:
        """The completion, asked for until it comes whole or there is no use in asking again."""
        attempt, doubted = 0, None
        while True:
            sent = self.dialect.put(request, in_words, with_form=doubted is None)
            reply = self._send(sent)
            if reply.completion is not None:
                if doubted is not None:
                    self.dialect.it_was_the_form(doubted, taken=True)
                return reply.completion
            if reply.refusal is not None:
                if self.dialect.learn(reply.refusal, sent):
                    continue
                if doubted is None and self.dialect.may_be_the_form(reply.refusal, sent):
                    doubted = reply.refusal
                    continue
                if doubted is not None:
                    self.dialect.it_was_the_form(doubted, taken=False)
                raise ServiceError(
                    f"{self.model} refuses this request ({reply.problem}); see what it says"
                )
            problem, wait = reply.problem, waiting_time(attempt, reply.wait, self.max_wait)
            if wait is None:
                problem += (
                    f"; it asks to wait {reply.wait:.0f} s, more than max_wait ({self.max_wait:g})"
                )
            if wait is None or attempt == self.retries:
                raise ServiceError(
                    f"{self.model} gave no answer: {problem}; run the same command again later"
                )
            logger.info("%s: %s; retrying in %.1f s", self.model, problem, wait)
            time.sleep(wait)
            attempt += 1

    def _send(self, request: dict[str, Any]) -> Reply:
        """What comes of one request.

        Raises:
            ServiceError: what went wrong will stay wrong.
        """
        import openai

        from tpige_kedro.services.bounded_http import RedirectRefused

        if self._refused_all:
            raise ServiceError(self._refused_all)
        self.budget.take()
        started = time.perf_counter()
        usage = Usage(requests=1)
        try:
            came = _plain(self._client.chat.completions.create(**request))
            completion = read_completion(came)
            if completion is None:
                return self._judge_body(came)
            usage = completion.usage
            return Reply(completion)
        except openai.APIStatusError as error:
            return self._judge(error.status_code, _body(error.response), error.response.headers)
        except openai.APITimeoutError:
            return Reply(problem="no complete answer in time")
        except RedirectRefused as error:
            raise self._for_all(str(error)) from None
        except openai.APIConnectionError as error:
            return Reply(problem=f"no usable answer came ({short(error.__cause__ or error)})")
        except (openai.OpenAIError, ValueError, TypeError, AttributeError, KeyError) as error:
            # JSON that ends too early, or of a shape that the openai package trips over
            return Reply(problem=f"a broken answer came ({short(error)})")
        finally:
            usage.seconds = time.perf_counter() - started
            self.budget.spend(usage)
            meter(self.model, usage)

    def _judge(self, status: int, body: Any, headers: Mapping[str, str]) -> Reply:
        """What a status means, or a code in a body that came with status 200: a refusal, worth repeating, or final."""
        said = f"HTTP {status}: {words_of(body)}"
        code = _code(body)
        if status in REFUSES_ALL or code in FOR_ALL:
            ended = self.lifetime.advice() if status == 404 or code in FOR_ALL[1:] else ""
            raise self._for_all(
                f"{self.model} refuses every request ({said}); "
                + (f"{ended}; else " if ended else "")
                + f"check the key, the name of the model, the account, and base_url: {self._where()}"
            ) from None
        if status in REFUSALS:
            return Reply(problem=said, refusal=body)
        if status < 500 and status not in WORTH_REPEATING:
            raise ServiceError(
                f"{self.model} refuses this request ({said}); see what it says"
            ) from None
        return Reply(problem=said, wait=retry_after(headers))

    def _judge_body(self, body: Any) -> Reply:
        """What it means that something else than a completion came with status 200."""
        words, code = words_of(body), _code(body)
        if isinstance(code, int) and 400 <= code <= 599:
            return self._judge(code, body, {})
        where = self._where()
        if isinstance(body, str) and HTML.match(body):
            return Reply(
                problem=f"a login page or a gateway answered, not a model: {words}; check base_url: {where}"
            )
        if _is_error(body) and not PASSING.search(words):
            raise ServiceError(
                f"{self.model} gave no chat completion, the server said {words!r}; check base_url: {where}"
            )
        return Reply(
            problem=f"no chat completion came, the server said {words!r}; check base_url: {where}"
        )

    def _where(self) -> str:
        if VERSIONED.search(self.base_url):
            return self.base_url
        return f"{self.base_url} (it lacks /v1; most servers want {self.base_url.rstrip('/')}/v1)"

    def _for_all(self, problem: str) -> ServiceError:
        self._refused_all = problem
        return ServiceError(problem)


def _plain(came: Any) -> Any:
    """What the openai package made of an answer, in JSON's types."""
    to_dict = getattr(came, "to_dict", None)
    return to_dict(mode="json", warnings=False) if to_dict else came


def _body(response: Any) -> Any:
    try:
        return json_answer.parse(response.text)
    except ValueError:
        return response.text


def _code(body: Any) -> Any:
    """The code of an error: a number, also one that was sent as text, or a word."""
    inner = body[0] if isinstance(body, list) and body else body
    error = inner.get("error", inner) if isinstance(inner, dict) else None
    code = error.get("code", error.get("status_code")) if isinstance(error, dict) else None
    if isinstance(code, str) and code.isdecimal() and len(code) < 5:
        return int(code)
    return code


def _is_error(body: Any) -> bool:
    inner = body[0] if isinstance(body, list) and body else body
    return isinstance(inner, dict) and any(
        inner.get(key) for key in ("error", "detail", "errors", "message")
    )
