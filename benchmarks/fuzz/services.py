"""Answers of services: a server on loopback returns a prepared answer, and our clients read it."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import openai  # noqa: F401 (once here instead of in every process)
from PIL import Image

from benchmarks.fuzz.files import clips
from tpige_kedro.errors import TpigeError
from tpige_kedro.schemas import Guidance
from tpige_kedro.video_generators.hailuo import KEY, Hailuo
from tpige_kedro.video_generators.hailuo_media import request_key
from tpige_kedro.video_generators.protocol import ClipRequest
from tpige_kedro.vision_language.openai_compatible import OpenAICompatible

FACE = {
    "face_visible": True,
    "age_range": {"value": "20-35", "confidence": 0.9},
    "gender_presentation": {"value": "masculine", "confidence": 0.9},
    "skin": {"value": "fair skin", "confidence": 0.8},
    "hair": {"value": "short brown hair", "confidence": 0.9},
    "eyes": None,
    "facial_hair": None,
    "traits": [{"value": "freckles", "confidence": 0.7}],
}
OK = {"base_resp": {"status_code": 0, "status_msg": "success"}}
Answer = Callable[[str], bytes]  # of the path that is asked for


class Handler(BaseHTTPRequestHandler):
    answer: Answer

    def do_GET(self) -> None:
        """Give what the test wants."""
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        body = type(self).answer(self.path)
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_GET

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@contextmanager
def serving(answer: Answer) -> Iterator[str]:
    """The address of a server that gives these answers."""
    handler = type("OneAnswer", (Handler,), {"answer": staticmethod(answer)})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"


def forms() -> dict[str, bytes]:
    """What a model says of a face."""
    return {"": json.dumps(FACE).encode()}


def read_face(label: str, data: bytes, work: Path) -> None:
    """Read a face from a well-formed completion that holds ``data``."""
    _read_face(_completion(data.decode(errors="replace")))


def completions() -> dict[str, bytes]:
    """The whole reply of a server."""
    return {"": _completion(json.dumps(FACE))}


def read_reply(label: str, data: bytes, work: Path) -> None:
    """Read a face from the reply ``data``."""
    _read_face(data)


def _completion(text: str) -> bytes:
    choice = {
        "index": 0,
        "finish_reason": "stop",
        "message": {"role": "assistant", "content": text},
    }
    usage = {"prompt_tokens": 900, "completion_tokens": 80, "total_tokens": 980}
    reply = {
        "id": "c1",
        "object": "chat.completion",
        "created": 1,
        "model": "m",
        "choices": [choice],
    }
    return json.dumps({**reply, "usage": usage}).encode()


def _read_face(reply: bytes) -> None:
    with serving(lambda path: reply) as address:
        reader = OpenAICompatible(
            "m", f"{address}/v1", key_variable=None, retries=0, timeout=5.0, max_requests=6
        )
        reader.read_face(Image.new("RGB", (64, 64), "grey"))


def video_replies() -> dict[str, bytes]:
    """The reply to each kind of request, by a part of its path."""
    replies = {
        "video_generation": {**OK, "task_id": "106"},
        "query": {**OK, "task_id": "106", "status": "Success", "file_id": "9106"},
        "retrieve": {**OK, "file": {"file_id": 9106, "download_url": "http://HOST/cdn/9106.mp4"}},
    }
    return {name: json.dumps(reply).encode() for name, reply in replies.items()}


def make_clip(name: str, data: bytes, work: Path) -> None:
    """Ask for a clip; the reply to one kind of request is ``data``."""
    _make_clip({**video_replies(), name: data}, work)


def journals() -> dict[str, bytes]:
    """An entry of a task under way."""
    entry = {"task_id": "106", "created": 1.0, "sample_id": "s1", "model": "S2V-01"}
    return {"": json.dumps(entry).encode()}


def resume_task(label: str, data: bytes, work: Path) -> None:
    """Go on with the task of a journal entry that is ``data``."""
    _make_clip(video_replies(), work, data)


def _make_clip(replies: dict[str, bytes], work: Path, entry: bytes | None = None) -> None:
    os.environ[KEY] = "key-of-the-benchmark"
    host = [""]

    def answer(path: str) -> bytes:
        if path.startswith("/cdn"):
            return clips()[".mp4"]
        name = next(n for n in ("query", "retrieve", "video_generation") if f"/{n}" in path)
        return replies[name].replace(b"HOST", host[0].encode())

    with serving(answer) as address:
        host[0] = address.removeprefix("http://")
        times = {"poll_seconds": 0.01, "timeout_seconds": 3.0, "backoff_seconds": 0.01}
        hailuo = Hailuo(journal=str(work / "journal"), base_url=address, **times)
        request = ClipRequest(
            "s1", "A chef cooks.", (Image.new("RGB", (320, 320), "grey"),), seed=1
        )
        if entry is not None:
            key = request_key(request, base_url=address, model="S2V-01", prompt_optimizer=False)
            (work / "journal").mkdir()
            hailuo.journal.path(key).write_bytes(entry)
        for _, outcome in hailuo.generate([request], Guidance(text_weight=0.0)):
            if isinstance(outcome, Exception):
                raise outcome if isinstance(outcome, TpigeError) else AssertionError(repr(outcome))
