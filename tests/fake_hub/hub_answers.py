"""How the hub answers: status, headers, bodies with ranges, broken where a fault says so."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING

from fake_hub.hub_faults import Fault

if TYPE_CHECKING:
    from fake_hub.hub_itself import FakeHub


class Answers(BaseHTTPRequestHandler):
    """Heads, bodies and ranges, and the faults that are asked for."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # head and body are two packets
    hub: FakeHub

    def log_message(self, *_: object) -> None: ...

    def _body(
        self, repo: str, file: str, data: bytes, fault: Fault | None, headers: dict[str, str]
    ) -> None:
        data = data if fault is None or fault.content is None else fault.content
        asked = self.headers.get("Range", "")
        status, start = 200, 0
        if asked.startswith("bytes=") and not (fault and fault.no_range):
            start = int(asked.removeprefix("bytes=").partition("-")[0])
            if start >= len(data):
                self._answer(416, b"", {"Content-Range": f"bytes */{len(data)}"})
                return
            status, headers = (
                206,
                {**headers, "Content-Range": f"bytes {start}-{len(data) - 1}/{len(data)}"},
            )
        body = data[start:]
        cut = body if fault is None or fault.drop_at is None else body[: fault.drop_at]
        self._head(status, len(body), headers)
        if self.command == "HEAD":
            return
        with self.hub._lock:  # before the body: who has read it all may ask for the count at once
            self.hub.sent[repo, file] += len(cut)
        self.wfile.write(cut)
        if len(cut) < len(body):
            self.close_connection = True

    def _fault(self, where: str, repo: str, file: str) -> Fault | None:
        with self.hub._lock:
            return next((f for f in self.hub.faults if f.takes(where, repo, file)), None)

    def _broken(self, fault: Fault | None) -> bool:
        """Answer with the fault's own answer, if it has one."""
        if fault is None:
            return False
        time.sleep(fault.stall)
        if fault.redirect:
            self._answer(302, b"", {"Location": fault.redirect})
        elif fault.status:
            self._answer(fault.status, fault.body, fault.headers)
        return bool(fault.redirect or fault.status)

    def _refuse(
        self, status: int, code: str, message: str, headers: Mapping[str, str] | None = None
    ) -> None:
        told = {"X-Error-Message": message, **({"X-Error-Code": code} if code else {})}
        body = json.dumps({"error": message}).encode()
        self._answer(status, body, {**(headers or {}), **told, "Content-Type": "application/json"})

    def _json(self, body: bytes) -> bool:
        self._answer(200, body, {"Content-Type": "application/json; charset=utf-8"})
        return True

    def _answer(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
        self._head(status, len(body), headers)
        if self.command != "HEAD":
            self.wfile.write(body)

    def _head(self, status: int, length: int, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(length), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
