"""What an entry of conf states of its service, so that no request is wasted: parameters, prices, and the end of a model."""

from __future__ import annotations

import json
import logging
import re
from datetime import date
from typing import Any

import pytest
from chat_server import completion

from services.loopback import Request, Server, response, serving
from tpige_kedro.errors import ServiceError
from tpige_kedro.hooks.model_options import option_problems
from tpige_kedro.models import model_identity
from tpige_kedro.schemas import ModelSpec
from tpige_kedro.vision_language import lifetime
from tpige_kedro.vision_language.openai_compatible import OpenAICompatible

GOOD = json.dumps(completion(json.dumps({"caption": "A man walks."}))).encode()
CLASS = "tpige_kedro.vision_language.openai_compatible.OpenAICompatible"
NEW = {
    "reasoning_effort": "none",
    "temperature": None,
    "seed": None,
    "max_tokens_parameter": "max_completion_tokens",
}
GONE = {"error": {"message": "The model `m` does not exist.", "code": "model_not_found"}}


def model(server: Server, **options: Any) -> OpenAICompatible:
    quick = {"key_variable": None, "max_wait": 0.01, "retries": 0, "timeout": 20.0}
    return OpenAICompatible(model="m", base_url=f"{server.url}/v1", **{**quick, **options})


def ask(reader: OpenAICompatible) -> str:
    return reader.rewrite_prompt("A man walks.", None, "Rewrite.")


def spec(**options: Any) -> ModelSpec:
    return ModelSpec(type=CLASS, licence="any", options={"model": "m", **options})


def strict(request: Request) -> bytes:
    """A service for models that think: it refuses what those before took."""
    for name in ("temperature", "seed", "max_tokens"):
        if name in json.loads(request.body):
            return response(400, json.dumps({"error": {"message": name, "param": name}}).encode())
    return response(200, GOOD)


def test_what_is_stated_costs_no_request() -> None:
    with serving(strict) as server:
        assert ask(model(server, **NEW)) == "A man walks."
        (sent,) = [json.loads(request.body) for request in server.requests]
    assert sent["max_completion_tokens"] == 700 and sent["reasoning_effort"] == "none"
    assert not {"temperature", "seed", "max_tokens"} & set(sent)


def test_nothing_new_is_sent_unasked() -> None:
    with serving(lambda request: response(200, GOOD)) as server:
        ask(model(server))
        (sent,) = [json.loads(request.body) for request in server.requests]
    assert set(sent) == {
        "model", "messages", "response_format", "temperature", "seed", "max_tokens",
    }  # fmt: skip


def test_a_server_that_knows_only_the_old_limit_gets_that() -> None:
    def old(request: Request) -> bytes:
        if "max_completion_tokens" in json.loads(request.body):
            return response(400, b'{"detail": "unknown field max_completion_tokens"}')
        return response(200, GOOD)

    with serving(old) as server:
        ask(model(server, max_tokens_parameter="max_completion_tokens"))
        assert json.loads(server.requests[-1].body)["max_tokens"] == 700
        assert len(server.requests) == 2


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (404, GONE),
        (400, GONE),
        (404, {"error": {"message": "deprecated", "code": None}}),
        (404, {}),
    ],
)
@pytest.mark.parametrize("day", [date(2027, 1, 13), date(2027, 1, 14)])
def test_a_model_that_is_gone_names_the_entry_after_it(
    status: int,
    body: dict[str, Any],
    day: date,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(lifetime, "today", lambda: day)
    with serving(lambda request: response(status, json.dumps(body).encode())) as server:
        reader = model(server, ends="2027-01-14", successor="newer")
        for _ in range(2):
            with pytest.raises(
                ServiceError, match=r"announced for 14 January 2027: set .* to newer; else"
            ):
                ask(reader)
        assert len(server.requests) == 1, "no other question fares better"
    warned = [r.getMessage() for r in caplog.records if r.levelno == logging.WARNING]
    assert len(warned) == (day == date(2027, 1, 14))


def test_a_wrong_key_says_nothing_of_an_end() -> None:
    with serving(lambda request: response(401, b"{}")) as server:
        with pytest.raises(ServiceError) as refused:
            ask(model(server, ends="2027-01-14", successor="newer"))
        assert "announced" not in str(refused.value)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"max_dollars": 5}, "input_price and output_price is not set"),
        ({"max_dollars": 5, "input_price": 1}, "output_price is not set"),
        ({"max_dollars": 5, "input_price": 0, "output_price": 0}, "both prices are 0"),
        ({"max_dollars": 5, "input_price": 1, "output_price": 2}, ""),
        ({"max_dollars": 5, "input_price": 0, "output_price": 2}, ""),
        ({"max_dollars": 0}, ""),  # asks nothing
        ({"max_requests": 5}, ""),
        ({"ends": "2027-13-14"}, r"options\.ends"),
        ({"ends": "soon"}, r"options\.ends"),
        ({"max_tokens_parameter": "max_output_tokens"}, "max_tokens_parameter"),
        ({"successor": "a", "ends": "2027-01-14"}, ""),
    ],
)
def test_what_cannot_hold_is_refused_before_a_run(options: dict[str, Any], message: str) -> None:
    said = "\n".join(option_problems({"a": spec(**options)}))
    assert re.search(message, said) if message else not said


def test_a_limit_without_prices_is_refused_in_python_too() -> None:
    with pytest.raises(ValueError, match="max_dollars"):
        OpenAICompatible(model="m", max_dollars=5, key_variable=None)


def test_how_an_answer_is_asked_for_decides_no_fingerprint_but_thinking_does() -> None:
    plain = model_identity(spec())
    stated = {"max_tokens_parameter": "max_completion_tokens", "ends": "2027-01-14"}
    assert model_identity(spec(**stated, successor="a", input_price=1)) == plain
    assert model_identity(spec(reasoning_effort="none")) != plain
