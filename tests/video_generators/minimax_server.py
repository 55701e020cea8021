"""A server on loopback that speaks the MiniMax video API as documented, and injects faults where a test asks for them."""

from __future__ import annotations

import json
import socket
import struct
import threading
from collections import defaultdict, deque
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

KEY = "sk-secret-of-the-tests"


@dataclass
class Account:
    """What the service knows: tasks by id, what was asked, and the faults still to come per endpoint."""

    clip: bytes
    polls_needed: int = 1  # queries that say Processing before the one that says Success
    tasks: dict[str, dict[str, Any]] = field(default_factory=dict)
    polls: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    calls: list[str] = field(default_factory=list)
    headers: dict[str, list[dict[str, str]]] = field(default_factory=lambda: defaultdict(list))
    faults: dict[str, deque[Any]] = field(default_factory=lambda: defaultdict(deque))
    verdicts: dict[str, str] = field(
        default_factory=dict
    )  # word in the prompt -> what becomes of it
    most_running: int = 0

    def running(self) -> int:
        return sum(task["status"] == "Processing" for task in self.tasks.values())


def ok(**content: Any) -> dict[str, Any]:
    return {**content, "base_resp": {"status_code": 0, "status_msg": "success"}}


def error(code: int, text: str) -> dict[str, Any]:
    return {"base_resp": {"status_code": code, "status_msg": text}}


class Handler(BaseHTTPRequestHandler):
    account: Account
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self._begin("create"):
            return
        account = self.account
        for word, verdict in account.verdicts.items():
            if word in body["prompt"] and verdict == "refused at once":
                self._answer(error(1026, f"sensitive content, key {KEY}"))
                return
        task = str(106916112212032 + len(account.tasks))
        account.tasks[task] = {"body": body, "status": "Processing"}
        account.most_running = max(account.most_running, account.running())
        if account.faults["after create"]:
            self._fault(account.faults["after create"].popleft())
            return
        self._answer(ok(task_id=task))

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(url.query).items()}
        name = {"/v1/query/video_generation": "query", "/v1/files/retrieve": "retrieve"}.get(
            url.path, "download"
        )
        if self._begin(name):
            return
        getattr(self, f"_{name}")(query)

    def _query(self, query: dict[str, str]) -> None:
        account, task = self.account, query["task_id"]
        known = account.tasks[task]
        account.polls[task] += 1
        if account.polls[task] <= account.polls_needed:
            self._answer(ok(task_id=task, status="Processing"))
            return
        verdict = next((v for w, v in account.verdicts.items() if w in known["body"]["prompt"]), "")
        known["status"] = "Fail" if verdict else "Success"
        if verdict == "refused later":
            self._answer(error(1027, "the clip contains sensitive content"))
        elif verdict == "fails":
            self._answer(ok(task_id=task, status="Fail"))
        else:
            size = {"video_width": 64, "video_height": 48}
            self._answer(ok(task_id=task, status="Success", file_id=f"9{task}", **size))

    def _retrieve(self, query: dict[str, str]) -> None:
        host = self.headers["Host"]
        url = f"http://{host}/cdn/{query['file_id']}.mp4?signature=abc"
        self._answer(ok(file={"file_id": int(query["file_id"]), "download_url": url}))

    def _download(self, _: dict[str, str]) -> None:
        self._send(200, self.account.clip, "video/mp4")

    def _begin(self, name: str) -> bool:
        """Count the call; whether a fault has answered it."""
        self.account.calls.append(name)
        self.account.headers[name].append(dict(self.headers))
        if name != "download" and self.headers.get("Authorization") != f"Bearer {KEY}":
            self._answer(error(1004, "login fail"))
            return True
        if self.account.faults[name]:
            self._fault(self.account.faults[name].popleft())
            return True
        return False

    def _fault(self, fault: Any) -> None:
        if fault == "reset":
            linger = struct.pack("ii", 1, 0)
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            self.connection.close()
            self.close_connection = True
        elif fault == "cut":
            self._send(200, self.account.clip, "video/mp4", cut=True)
        elif fault == "garbage":
            self._send(200, b'{"task_id": "1069', "application/json")
        elif isinstance(fault, dict):
            self._answer(fault)
        else:
            self._send(fault, b"<html>busy</html>", "text/html")

    def _answer(self, content: dict[str, Any]) -> None:
        self._send(200, json.dumps(content).encode(), "application/json")

    def _send(self, status: int, content: bytes, kind: str, cut: bool = False) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        if status == 429:
            self.send_header("Retry-After", "0.05")
        self.end_headers()
        self.wfile.write(content[: len(content) // 2] if cut else content)
        self.close_connection = self.close_connection or cut

    def log_message(self, *_: Any) -> None:
        """Be quiet."""


def start(account: Account) -> ThreadingHTTPServer:
    """Serve until ``shutdown``; the port is ``server_port``."""
    handler = type("AccountHandler", (Handler,), {"account": account})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}).start()
    return server
