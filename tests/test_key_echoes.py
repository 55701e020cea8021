"""A whole run against servers that send the key back in eight writings, wherever they can: it is kept and shown nowhere."""

from __future__ import annotations

import base64
import json
import logging
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from mlflow_store import Store
from project import Project, row
from services.loopback import Request, Server, response, serving
from tpige_kedro.services.escapes import readings
from vision_language.chat_server import FACE, completion

KEY = "sk-MARKER-0123456789/secret+K"
HAILUO = "tpige_kedro.video_generators.hailuo.Hailuo"
READER = "tpige_kedro.vision_language.openai_compatible.OpenAICompatible"
WRITINGS = (
    KEY,
    "".join(f"\\u{ord(c):04x}" for c in KEY),
    "".join(f"%{ord(c):02x}" for c in KEY),
    KEY.replace("-", "%2D").replace("/", "&#x2f;"),
    "".join(f"&#{ord(c)};" for c in KEY),
    base64.b64encode(f"Bearer {KEY}".encode()).decode(),
    KEY.upper(),
    f"{KEY[:9]}\\n  {KEY[9:]}",
)
OK = {"base_resp": {"status_code": 0, "status_msg": "success"}}


def writing(request: Request) -> str:
    """Each sample has its own; ``scene 3`` stands in its prompt, the digit in the ids of its tasks."""
    found = re.search(r"scene (\d)|task-(\d)", request.path + request.body.decode())
    return WRITINGS[int(found[1] or found[2]) if found else 0]


def echoing(status: int, content: Any, echo: str) -> bytes:
    """JSON with the echo for every KEY, also where it is JSON's own escape; and in a header."""
    header = {"x_echo": echo.replace("\\n", "")}
    return response(status, json.dumps(content).replace("KEY", echo).encode(), **header)


class Chat:
    """Fails first, then answers; faces well, captions with the key in them, some with refusals."""

    def __init__(self) -> None:
        self.seen: dict[bytes, int] = {}

    def __call__(self, request: Request) -> bytes:
        nth = self.seen[request.body] = self.seen.get(request.body, -1) + 1
        echo = writing(request)
        body = json.loads(request.body)
        if "seed" in body:
            return echoing(
                400, {"error": {"message": "seed is not for KEY", "param": "seed"}}, echo
            )
        if nth == 0:
            return echoing(500, {"error": {"message": "broken for KEY"}}, echo)
        if "image_url" in str(body) and "scene" not in str(body):
            whole = completion(json.dumps(FACE))
            whole["choices"][0]["message"]["reasoning_content"] = "Who is KEY?"
            return echoing(200, {**whole, "id": "KEY", "model": "KEY", "KEY": ["KEY"]}, echo)
        if "scene 1" in str(body):
            return echoing(200, {"error": "no KEY"}, echo)
        if "scene 2" in str(body):
            return echoing(
                422, {"detail": [{"loc": ["body", "KEY"], "msg": "KEY", "input": "KEY"}]}, echo
            )
        return echoing(200, completion("<think>KEY</think> A man of KEY stands."), echo)


class MiniMax:
    """Refuses, fails, or says the key as a status."""

    def __call__(self, request: Request) -> bytes:
        echo = writing(request)
        if request.method == "GET":
            digit = request.path[-1]
            status = (
                {"status": "Processing KEY"}
                if int(digit) % 2
                else {"base_resp": {"status_code": 1027, "status_msg": "KEY"}}
            )
            return echoing(200, {**OK, **status, "KEY": "KEY"}, echo)
        found = re.search(rb"scene (\d)", request.body)
        assert found
        if int(found[1]) < 3:
            return echoing(
                200, {"base_resp": {"status_code": 1026 + int(found[1]), "status_msg": "KEY"}}, echo
            )
        return response(200, json.dumps({**OK, "task_id": f"task-{found[1].decode()}"}).encode())


@pytest.fixture
def servers(project: Project, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Server, Server]]:
    for variable in ("OPENAI_API_KEY", "MINIMAX_API_KEY"):
        monkeypatch.setenv(variable, KEY)
    monkeypatch.setenv("NO_PROXY", "*")
    with serving(Chat()) as chat, serving(MiniMax()) as minimax:
        quick = {"max_wait": 0.01, "retries": 2, "base_url": f"{chat.url}/v1", "model": "m"}
        slow = {"poll_seconds": 0.01, "backoff_seconds": 0.001, "timeout_seconds": 0.05}
        project.configure(
            models={
                "reader": {"type": READER, "licence": "none", "source": None, "needs": ["OPENAI_API_KEY"], "options": quick},
                "hailuo": {"type": HAILUO, "options": {"base_url": minimax.url, **slow}},
            },
            prompt_enhancement={"reader": "reader", "mode": "rewrite"},
            reference_enhancement={"writer": "reader"},
            execution={"max_failures": 100},
        )  # fmt: skip
        yield chat, minimax


def texts(folder: Path) -> Iterator[tuple[str, str]]:
    """All that a run left, tables read."""
    for file in folder.rglob("*"):
        if file.is_file() and file.suffix == ".parquet":
            yield str(file), pd.read_parquet(file).to_csv()
        elif file.is_file() and "conf" not in file.relative_to(folder).parts:
            yield str(file), file.read_bytes().decode("latin-1")


def test_a_key_that_comes_back_is_nowhere(
    project: Project,
    store: Store,
    servers: tuple[Server, Server],
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    project.write_samples(
        [row(n, prompt=f"A man of scene {n} waits.") for n in range(len(WRITINGS))]
    )
    with caplog.at_level(logging.DEBUG):
        project.run("full")
    assert all(
        any(f"scene {n}".encode() in r.body for r in server.requests)
        for server in servers
        for n in range(8)
    )
    assert all(KEY in str(r.headers) for server in servers for r in server.requests)
    found = dict(texts(project.folder))
    found |= {"log": caplog.text, "terminal": "".join(capfd.readouterr())}
    assert {Path(name).suffix for name in found} >= {".parquet", ".db", ".json", ".html", ""}
    assert sum("***" in text for text in found.values()) > 12, "what came is kept, without the key"
    for name in ("log", "mlflow.db", "report.html", "failures", "clips/hailuo"):
        assert any("***" in text for file, text in found.items() if name in file), name
    whole = {
        "".join(each.split()).lower() for each in (*WRITINGS, WRITINGS[5][8:-8], KEY.encode().hex())
    }
    for name, text in found.items():
        for reading in [text, *readings(text)] if len(text) < 3_000_000 else [text]:
            bare = "".join(reading.split()).lower()
            assert not [secret for secret in whole if secret in bare], name
            assert "marker" not in bare, name
