"""Servers that take not every parameter, in the words that they use for it; and answers of any type."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from chat_server import completion
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from services.loopback import Request, Server, response, serving
from tpige_kedro.errors import AnswerError, ServiceError, TpigeError
from tpige_kedro.vision_language import usage
from tpige_kedro.vision_language.completions import read_completion
from tpige_kedro.vision_language.openai_compatible import OpenAICompatible

GOOD = json.dumps(completion(json.dumps({"caption": "A man walks."}))).encode()
Refusal = Callable[[str], tuple[int, Any]]  # the refused parameter -> status and body


def openai(message: str, **fields: Any) -> tuple[int, Any]:
    return 400, {"error": {"message": message, "type": "invalid_request_error", **fields}}


WORDINGS: dict[str, Refusal] = {
    "openai": lambda name: openai(f"Unsupported parameter: '{name}' is not supported with this model.", param=name, code="unsupported_parameter"),
    "openai value": lambda name: openai(f"Unsupported value: '{name}' does not support 0 with this model. Only the default (1) value is supported.", param=name, code="unsupported_value"),
    "azure": lambda name: openai(f"Unrecognized request argument supplied: {name}", param=None, code=None),
    "vllm": lambda name: (400, {"object": "error", "message": f"[{{'type': 'extra_forbidden', 'loc': ('body', '{name}'), 'msg': 'Extra inputs are not permitted'}}]", "code": 400}),
    "fastapi": lambda name: (422, {"detail": [{"type": "extra_forbidden", "loc": ["body", name], "msg": "Extra inputs are not permitted", "input": 0}]}),
    "mistral": lambda name: (422, {"object": "error", "message": {"detail": [{"loc": ["body", name], "msg": "Extra inputs are not permitted"}]}}),
    "gemini": lambda name: (400, [{"error": {"code": 400, "message": f'Invalid JSON payload received. Unknown name "{name}": Cannot find field.', "status": "INVALID_ARGUMENT"}}]),
    "anthropic": lambda name: (400, {"type": "error", "error": {"type": "invalid_request_error", "message": f"{name}: Extra inputs are not permitted"}}),
    "anthropic, older": lambda name: (400, {"error": {"message": f"`{name}` is deprecated for this model."}}),
    "groq": lambda name: (400, {"error": {"message": f"property '{name}' is unsupported"}}),
    "tgi": lambda name: (422, {"error": f"Input validation error: `{name}` must be strictly positive", "error_type": "validation"}),
    "llama.cpp": lambda name: (501, {"error": {"code": 501, "message": f"Unsupported param: {name}", "type": "not_supported_error"}}),
    "plain text": lambda name: (400, f"unknown field {name}"),
    "error in a 200": lambda name: (200, {"error": {"message": f"{name} is not supported", "code": 400}}),
}  # fmt: skip
SCHEMA_WORDS = [
    "This response_format type is unavailable now",
    "'response_format.type' must be 'json_schema' or 'text'",
    "Failed to parse grammar",
    "This model does not support response format `json_schema`.",
    "response_format value as json_schema is enabled only for api versions 2024-08-01-preview and later",
]


def picky(refusal: Refusal, refused: Sequence[str]) -> Callable[[Request], bytes]:
    """Refuses a request for the first of ``refused`` that it has."""

    def answer(request: Request) -> bytes:
        body = json.loads(request.body)
        for name in refused:
            if name in body:
                status, said = refusal(name)
                text = said if isinstance(said, str) else json.dumps(said)
                return response(status, text.encode())
        return response(200, GOOD)

    return answer


def model(server: Server, **options: Any) -> OpenAICompatible:
    quick = {"key_variable": None, "max_wait": 0.01, "retries": 1, "timeout": 20.0}
    return OpenAICompatible(model="m", base_url=f"{server.url}/v1", **{**quick, **options})


def ask(reader: OpenAICompatible) -> str:
    return reader.rewrite_prompt("A man walks.", None, "Rewrite.")


def bodies(server: Server) -> list[dict[str, Any]]:
    return [json.loads(request.body) for request in server.requests]


@pytest.mark.parametrize("wording", WORDINGS)
@pytest.mark.parametrize(
    "refused",
    [["max_tokens"], ["temperature"], ["seed"], ["reasoning_effort"], ["max_tokens", "temperature", "seed"], ["max_tokens", "max_completion_tokens"]],
    ids=" ".join,
)  # fmt: skip
def test_what_is_refused_is_left_out_and_remembered(
    wording: str, refused: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    with serving(picky(WORDINGS[wording], refused)) as server:
        assert ask(model(server, reasoning_effort="none")) == "A man walks."
        assert len(server.requests) == len(refused) + 1
        ask(model(server, reasoning_effort="none"))
        assert len(server.requests) == len(refused) + 2, "another client knows it, too"
        last = bodies(server)[-1]
    assert not set(refused) & set(last)
    if refused == ["max_tokens"]:
        assert last["max_completion_tokens"] == 700
    assert "response_format" in last, "the schema is not to blame"
    warned = [r.getMessage() for r in caplog.records if r.levelno == logging.WARNING]
    assert len(warned) == len(refused) and all("m takes no" in line for line in warned)


@pytest.mark.parametrize("words", SCHEMA_WORDS)
def test_a_refused_schema_is_told_in_words(words: str, caplog: pytest.LogCaptureFixture) -> None:
    with serving(picky(lambda _: (400, {"error": words}), ["response_format"])) as server:
        ask(model(server))
        ask(model(server))
        assert len(server.requests) == 3
        assert "JSON schema" in bodies(server)[-1]["messages"][0]["content"]
    assert caplog.text.count("schema goes into the prompt") == 1


@pytest.mark.parametrize(
    "words",
    [
        "Unsupported value: 'messages[0].role' does not support 'system' with this model.",
        "System role not supported",
        "Conversation roles must alternate user/assistant/user/assistant/...",
    ],
)
def test_a_model_without_system_role_is_told_with_the_question(words: str) -> None:
    def answer(request: Request) -> bytes:
        if json.loads(request.body)["messages"][0]["role"] == "system":
            return response(400, json.dumps({"error": {"message": words}}).encode())
        return response(200, GOOD)

    with serving(answer) as server:
        ask(model(server))
        ask(model(server))
        assert len(server.requests) == 3
        (only,) = bodies(server)[-1]["messages"]
    assert only["role"] == "user" and only["content"][0]["text"].startswith("Rewrite.")


@pytest.mark.parametrize(
    "words",
    [
        "'max_tokens' is too large: 700. This model's maximum context length is 512 tokens.",
        "The response was filtered due to the content management policy",
        "Image size exceeds the limit",
    ],
)
def test_a_refused_question_is_asked_once_and_the_words_are_repeated(words: str) -> None:
    with serving(
        lambda _: response(400, json.dumps({"error": {"message": words}}).encode())
    ) as server:
        with pytest.raises(ServiceError, match="refuses this request") as caught:
            ask(model(server))
        assert words[:40] in str(caught.value) and len(server.requests) == 1


def test_a_refusal_that_names_nothing_doubts_the_schema_once() -> None:
    with serving(lambda _: response(400, b'{"error": "Bad Request"}')) as server:
        reader = model(server)
        for _ in range(3):
            with pytest.raises(ServiceError, match="Bad Request"):
                ask(reader)
        assert len(server.requests) == 4


def test_many_threads_learn_together(caplog: pytest.LogCaptureFixture) -> None:
    refused = ["max_tokens", "temperature", "seed", "response_format"]
    with serving(picky(WORDINGS["openai"], refused)) as server:
        reader = model(server)
        with ThreadPoolExecutor(8) as pool:
            assert set(pool.map(lambda _: ask(reader), range(40))) == {"A man walks."}
        assert 40 + len(refused) <= len(server.requests) <= 40 + 8 * len(refused)
    assert sum("takes no" in r.getMessage() for r in caplog.records) == len(refused)


@pytest.mark.parametrize(
    ("status", "body", "asked", "words"),
    [
        (200, '{"error": "Unexpected endpoint or method. (POST /chat/completions)"}', 1, ["Unexpected endpoint", "lacks /v1", "{url}/v1"]),
        (200, '{"error": {"message": "No such model", "code": 404}}', 1, ["No such model", "{url}"]),
        (200, '{"error": {"message": "Invalid key", "code": "401"}}', 1, ["Invalid key", "check the key"]),
        (200, '{"detail": "Not Found"}', 1, ["Not Found", "{url}"]),
        (200, '[{"error": {"message": "API key not valid", "code": 400}}]', 2, ["API key not valid"]),
        (200, '{"error": {"message": "Provider overloaded", "code": 503}}', 2, ["Provider overloaded", "again later"]),
        (200, '{"error": "Model is loading, try again"}', 2, ["Model is loading", "again later"]),
        (200, "<html><title>Sign in</title></html>", 2, ["Sign in", "{url}", "login page"]),
        (200, "", 2, ["nothing", "{url}"]),
        (200, "pong", 2, ["pong", "{url}"]),
        (404, '{"error": {"message": "The model `m` does not exist"}}', 1, ["The model `m` does not exist", "{url}"]),
        (404, "<html><h1>Not Found</h1></html>", 1, ["Not Found", "lacks /v1"]),
        (405, "Method Not Allowed", 1, ["Method Not Allowed", "lacks /v1"]),
        (418, '{"error": "a teapot"}', 1, ["a teapot"]),
    ],
)  # fmt: skip
def test_an_error_repeats_the_servers_words_and_the_address(
    status: int, body: str, asked: int, words: list[str]
) -> None:
    with serving(lambda _: response(status, body.encode())) as server:
        reader = OpenAICompatible(
            model="m", base_url=server.url, key_variable=None, retries=1, max_wait=0.01
        )
        with pytest.raises(ServiceError) as caught:
            ask(reader)
        for word in words:
            assert word.replace("{url}", server.url) in str(caught.value)
        assert "photo" not in str(caught.value) and len(server.requests) == asked


ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)  # fmt: skip
FIELDS = st.sampled_from(
    ["choices", "message", "content", "usage", "finish_reason", "refusal", "tool_calls", "reasoning",
     "completion_tokens", "prompt_tokens", "completion_tokens_details", "error", "type", "text", "function"]
)  # fmt: skip
ODD = st.recursive(
    ANY,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(FIELDS, inner, max_size=4),
    max_leaves=12,
)


@given(ODD)
def test_no_answer_of_any_type_is_believed(answer: Any) -> None:
    said = read_completion(answer)
    if said is not None:
        assert all(
            isinstance(part, str) for part in (said.text, said.thinking, said.refusal, said.reason)
        )
        assert 0 <= said.usage.input_tokens < 1e8 and 0 <= said.usage.output_tokens < 1e8


@settings(max_examples=60)
@given(ODD, st.sampled_from(["whole", "choices", "choice", "message", "content", "usage"]))
def test_any_answer_is_a_text_or_an_error_of_ours(odd: Any, where: str) -> None:
    whole: Any = completion('{"caption": "A man walks."}')
    places = {
        "whole": lambda: odd,
        "choices": lambda: {**whole, "choices": odd},
        "choice": lambda: {**whole, "choices": [odd]},
        "message": lambda: {**whole, "choices": [{**whole["choices"][0], "message": odd}]},
        "content": lambda: {**whole, "choices": [{**whole["choices"][0], "message": {"content": odd}}]},
        "usage": lambda: {**whole, "usage": odd},
    }  # fmt: skip
    body = json.dumps(places[where]()).encode()
    with serving(lambda _: response(200, body)) as server:
        try:
            text = ask(model(server, retries=0))
            assert text and isinstance(text, str)
        except TpigeError as error:
            assert str(error)


@pytest.mark.parametrize("tokens", ["many", -5, None, [1], {"a": 1}, 10**4000, 1e300, float("nan")])
def test_tokens_that_are_no_count_cost_nothing(tokens: Any) -> None:
    text = json.dumps({**completion('{"caption": "A man."}'), "usage": {"prompt_tokens": "X"}})
    body = text.replace('"X"', json.dumps(tokens) if tokens != 10**4000 else "9" * 5000).encode()
    usage.reset_usage()
    with serving(lambda _: response(200, body)) as server:
        reader = model(server, max_dollars=1.0, input_price=1e6, output_price=0)
        assert ask(reader) == "A man." and ask(reader) == "A man."
    assert usage.usage_totals()["m"].input_tokens == 0


def test_a_photo_goes_to_no_other_host() -> None:
    photo = Image.new("RGB", (64, 64), "brown")
    with serving(lambda _: response(200, GOOD)) as other, serving(lambda _: leads_away) as server:
        leads_away = response(307, location=f"{other.url}/v1/chat/completions")
        reader = model(server)
        for _ in range(2):
            with pytest.raises(ServiceError, match=f"redirects to {other.url}.*not followed"):
                reader.read_face(photo)
        assert len(server.requests) == 1 and not other.requests


def test_a_broken_answer_is_no_answer_error() -> None:
    with (
        serving(lambda _: response(200, GOOD[:-30])) as server,
        pytest.raises(ServiceError, match="again later") as caught,
    ):
        ask(model(server))
    assert not isinstance(caught.value, AnswerError)
