"""A server on loopback that speaks chat completions, well or badly: each request may be met by a fault."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import random
import re
import socket
import struct
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Lock, Thread
from typing import Any

from PIL import Image

ADDED = ", a young man with short brown hair,"
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
TRANSPORT = ("429", "500", "timeout", "drip", "broken_body", "huge", "reset", "html")
SPOILED = ("cut", "schema", "refusal", "empty", "paraphrase", "clothes")
FAULTS = (*TRANSPORT, *SPOILED)


@dataclass(frozen=True)
class Asked:
    """One request as the server saw it: ``key`` is the caption, or the hash of the picture of a face."""

    key: str
    body: dict[str, Any]
    headers: dict[str, str]
    nth: int

    @property
    def told(self) -> str:
        return str(self.body["messages"][0]["content"])

    @property
    def material(self) -> str:
        return str(self.body["messages"][1]["content"][0]["text"])

    @property
    def picture(self) -> Image.Image | None:
        parts = [p for p in self.body["messages"][1]["content"] if p["type"] == "image_url"]
        if not parts:
            return None
        data = parts[0]["image_url"]["url"].partition(",")[2]
        return Image.open(io.BytesIO(base64.b64decode(data)))

    @property
    def reads_face(self) -> bool:
        return "caption-" not in self.material


Plan = Callable[[Asked], str]  # the fault of a request, or "good", or "fence"


def no_fault(asked: Asked) -> str:
    return "good"


def seeded_mix(seed: int, share: float = 0.4) -> Plan:
    """A fault for ``share`` of the requests, all kinds alike; the same whatever the order of requests."""

    def plan(asked: Asked) -> str:
        draw = random.Random(f"{seed}|{asked.key}|{asked.nth}")
        if draw.random() < share:
            return draw.choice(FAULTS)
        return "fence" if draw.random() < 0.2 else "good"

    return plan


@dataclass
class ChatServer:
    """What was asked, in order, and how often each key got an answer that can be used."""

    plan: Plan = no_fault
    delay: float = 0.0
    structured: bool = True  # whether it takes a JSON schema
    rewrite: Callable[[str], str] | None = None  # caption -> answer, instead of adding ADDED
    port: int = 0
    asked: list[Asked] = field(default_factory=list)
    faults: Counter[str] = field(default_factory=Counter)
    answered: Counter[str] = field(default_factory=Counter)
    lock: Lock = field(default_factory=Lock)
    # what is late comes then, however long a client waits
    over: Event = field(default_factory=Event)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    def note(self, body: dict[str, Any], headers: dict[str, str]) -> Asked:
        with self.lock:
            asked = Asked("", body, headers, 0)
            if asked.reads_face:
                url = body["messages"][1]["content"][-1]["image_url"]["url"]
                key = "face " + hashlib.sha256(url.encode()).hexdigest()[:12]
            else:
                key = caption_of(asked)
            asked = Asked(key, body, headers, sum(a.key == key for a in self.asked))
            self.asked.append(asked)
            return asked

    def count(self, asked: Asked, kind: str) -> None:
        with self.lock:
            if kind in {"good", "fence"}:
                self.answered[asked.key] += 1
            else:
                self.faults[kind] += 1

    def content(self, asked: Asked, kind: str) -> str:
        """The text of an answer of this kind."""
        if asked.reads_face:
            good, spoiled = FACE, {**FACE, "hair": {"value": "a red hat", "confidence": 1}}
            wrong: dict[str, Any] = {"face": "a man"}
        else:
            caption = caption_of(asked)
            text = (self.rewrite or add_face)(caption)
            good, wrong = {"caption": text}, {"text": text}
            worse = {
                "clothes": text.replace("hair,", "hair in a red jacket,"),
                "paraphrase": text.upper(),
            }
            spoiled = {"caption": worse.get(kind, text)}
        texts = {
            "cut": json.dumps(good)[:-9],
            "schema": json.dumps(wrong),
            "empty": " ",
            "fence": f"Here you are:\n```json\n{json.dumps(good)}\n```",
            "paraphrase": json.dumps(spoiled),
            "clothes": json.dumps(spoiled),
        }
        return texts.get(kind, json.dumps(good))


def caption_of(asked: Asked) -> str:
    found = re.search(r"<(caption-\w+)>\n(.*)\n</\1>", asked.material, re.DOTALL)
    assert found, asked.material
    return found.group(2)


def add_face(caption: str) -> str:
    """As a good model does: a few words behind the subject."""
    return re.sub(
        r"\b(man|chef|astronaut|dancer|king)\b", lambda m: m.group() + ADDED, caption, count=1
    )


def completion(content: str | None, refusal: str | None = None) -> dict[str, Any]:
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": "test-model",
        "choices": [
            {
                "index": 0,
                "finish_reason": "stop",
                "message": {"role": "assistant", "content": content, "refusal": refusal},
            }
        ],
        "usage": {"prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 110},
    }


class Handler(BaseHTTPRequestHandler):
    state: ChatServer

    def log_message(self, *_: Any) -> None:
        """Nothing on the terminal."""

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if "response_format" in body and not self.state.structured:
            return self.send(400, json.dumps({"error": {"message": "unknown response_format"}}))
        asked = self.state.note(body, {k.lower(): v for k, v in self.headers.items()})
        kind = self.state.plan(asked)
        time.sleep(self.state.delay)
        self.state.count(asked, kind)
        try:
            self.meet(asked, kind)
        except OSError:  # the client gave up, as it should
            self.close_connection = True

    def meet(self, asked: Asked, kind: str) -> None:
        good = json.dumps(completion(self.state.content(asked, kind)))
        if kind == "429":
            self.send(429, json.dumps({"error": {"message": "slow down"}}), retry_after="0.05")
        elif kind in {"500", "503"}:
            key = self.headers["Authorization"].removeprefix("Bearer ")
            self.send(int(kind), json.dumps({"error": {"message": f"broken for {key}"}}))
        elif kind in {"400", "401"}:
            key = self.headers["Authorization"].removeprefix("Bearer ")
            self.send(int(kind), json.dumps({"error": {"message": f"refused: {key}"}}))
        elif kind == "timeout":
            self.state.over.wait()
            self.send(200, good)
        elif kind == "drip":
            self.begin(200, len(good))
            for byte in good.encode():
                self.wfile.write(bytes([byte]))
                self.state.over.wait(0.1)
        elif kind == "broken_body":
            self.send(200, good[: len(good) // 2])
        elif kind == "huge":
            self.send(200, json.dumps(completion("x" * 10_000_000)))
        elif kind == "reset":
            self.begin(200, len(good))
            self.wfile.write(good[:20].encode())
            linger = struct.pack("ii", 1, 0)
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            self.connection.close()
        elif kind == "html":
            self.send(200, "<html>gateway</html>", content_type="text/html")
        elif kind == "refusal":
            self.send(200, json.dumps(completion(None, refusal="I cannot describe people.")))
        else:
            self.send(200, good)

    def begin(self, status: int, length: int, content_type: str = "application/json") -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(length))

        self.end_headers()

    def send(
        self,
        status: int,
        text: str,
        content_type: str = "application/json",
        retry_after: str | None = None,
    ) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(text.encode())))
        if retry_after:
            self.send_header("Retry-After", retry_after)
        self.end_headers()
        self.wfile.write(text.encode())


class QuietServer(ThreadingHTTPServer):
    daemon_threads = True
    # one that the five of the default leave out is asked for again after a second
    request_queue_size = 64

    def handle_error(self, *_: Any) -> None:
        """A reset connection is part of the test."""


@contextmanager
def serving(**options: Any) -> Iterator[ChatServer]:
    """A server for the length of a test."""
    state = ChatServer(**options)
    server = QuietServer(("127.0.0.1", 0), type("Bound", (Handler,), {"state": state}))
    state.port = server.server_address[1]
    Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    try:
        yield state
    finally:
        state.over.set()
        server.shutdown()
        server.server_close()
