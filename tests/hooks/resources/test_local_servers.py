"""Whether a server on this machine answers: real sockets."""

from __future__ import annotations

import socket
from typing import Any

import pytest

from environments import parameters, stages
from tpige_kedro.hooks.preflight import needed_models
from tpige_kedro.hooks.resources.servers import check_servers, is_loopback

READER = "tpige_kedro.vision_language.openai_compatible.OpenAICompatible"


def problems(url: str | None, *names: str) -> list[str]:
    options: dict[str, Any] = {"model": "m"} | ({"base_url": url} if url else {})
    service = {"type": READER, "licence": "x", "options": options}
    settings = parameters(
        models={"mine": service}, prompt_enhancement={"reader": "mine", "mode": "attributes"}
    )
    needed = needed_models(stages(*names or ("full",)), settings)
    return [str(p) for p in check_servers(needed, settings)]


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_a_server_that_listens_and_one_that_does_not(host: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://{host}:{server.getsockname()[1]}/v1"
        assert problems(url) == []
    (text,) = problems(url)
    assert f"models.mine (prompt_enhancement.reader): nothing answers at base_url {url} (" in text
    assert "is the server running?" in text
    assert problems(url, "scoring") == [], "asked by another stage only"


@pytest.mark.parametrize(
    "url", [None, "https://api.example.invalid/v1", "http://192.0.2.1:8000/v1"]
)
def test_services_elsewhere_are_not_asked(url: str | None) -> None:
    assert problems(url) == []


@pytest.mark.parametrize(
    ("url", "here"),
    [
        ("http://LOCALHOST:1/v1", True),
        ("http://ollama.localhost", True),
        ("http://0.0.0.0:8000", True),
        ("http://[::1]:8000/v1", True),
        ("http://localhost.example.com", False),
        ("http://10.0.0.1", False),
        ("https://127.example.com", False),
    ],
)
def test_what_is_this_machine(url: str, here: bool) -> None:
    assert is_loopback(url) is here
