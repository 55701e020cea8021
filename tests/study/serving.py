"""The page's server in a thread of the test, and requests to it that are as raw as an attacker's."""

from __future__ import annotations

import http.client
import json
import socket
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from unittest import mock

from drawn_study import DrawnStudy

from tpige_kedro.study.links import make_links, token_hash
from tpige_kedro.study.on_disk import Current, Hidden
from tpige_kedro.study.page import rater
from tpige_kedro.study.page.app import make_app
from tpige_kedro.study.votes_store import VotesStore


@dataclass
class Answer:
    """A response, with its headers as they came."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)

    def header(self, name: str) -> str | None:
        return next((value for key, value in self.headers if key.lower() == name), None)


class Clock:
    """Stands in for the module ``time`` of the server: it goes on when a test says so."""

    def __init__(self) -> None:
        self.now = 1_000_000.0

    def time(self) -> float:
        return self.now


class Served:
    """A running server and its store."""

    def __init__(self, port: int, store: VotesStore, current: Current, clock: Clock) -> None:
        self.port, self.store, self.current, self.clock = port, store, current, clock
        self.base = f"http://127.0.0.1:{port}"

    def link(self, lasts: timedelta | None = None) -> str:
        """The path of a new rater's link."""
        return self.links(1, lasts)[0]

    def links(self, count: int, lasts: timedelta | None = None) -> list[str]:
        return [
            link.removeprefix(self.base)
            for _, link in make_links(self.store, count, self.base, lasts)
        ]

    def ask(
        self,
        path: str,
        method: str = "GET",
        body: bytes | str | None = None,
        headers: dict[str, str] | None = None,
    ) -> Answer:
        """One request. The path goes out as it is."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            content = body.encode() if isinstance(body, str) else body
            connection.putrequest(method, path, skip_host=bool(headers and "Host" in headers))
            for name, value in (headers or {}).items():
                connection.putheader(name, value)
            if content is not None and "Content-Length" not in (headers or {}):
                connection.putheader("Content-Length", str(len(content)))
            connection.endheaders(content)
            found = connection.getresponse()
            return Answer(found.status, found.getheaders(), found.read())
        finally:
            connection.close()

    def post(self, path: str, content: Any = None, **headers: str) -> Answer:
        names = {"Content-Type": "application/json"} | {
            k.replace("_", "-"): v for k, v in headers.items()
        }
        return self.ask(path, "POST", json.dumps({} if content is None else content), names)

    def agreed(self, lasts: timedelta | None = None) -> str:
        """The path of the link of a rater who agreed, and whose list is dealt."""
        link = self.link(lasts)
        assert self.post(f"{link}/agree").status == 200
        assert self.ask(f"{link}/state").status == 200
        return link

    def watch(self, link: str, place: int = 1, seconds: float = 0.2) -> None:
        """Open a pair, take both clips, and let them play."""
        assert self.ask(f"{link}/pairs/{place}").status == 200
        for side in ("left", "right"):
            self.take(link, place, side)
        self.clock.now += seconds

    def take(self, link: str, place: int, side: str) -> None:
        """Take a clip, and wait until a thread of the server has noted that its last byte went out."""
        assert self.ask(f"{link}/pairs/{place}/{side}").status == 200
        who = self.store.rater(token_hash(link.rsplit("/", 1)[1]))
        assert who is not None
        until = time.monotonic() + 30
        while True:
            found = self.store.place(who[0], self.current.study().study, place)
            assert found is not None and time.monotonic() < until
            if found.sent_left if side == "left" else found.sent_right:
                return
            time.sleep(0.002)

    def vote(self, link: str, place: int = 1, **changed: Any) -> Answer:
        return self.post(f"{link}/pairs/{place}/votes", a_vote(**changed))


def a_vote(**changed: Any) -> dict[str, Any]:
    """The body of a vote that counts."""
    vote = {"vote_id": str(uuid.uuid4()), "question": "overall", "answer": "left", "seconds": 1.5}
    return vote | changed


@contextmanager
def serving(
    study: DrawnStudy, hidden: Hidden | None = None, real_time: bool = False
) -> Iterator[Served]:
    """The server on a free port; its clock stands still, unless a real browser plays the clips."""
    import uvicorn

    store = VotesStore(study.study_folder)
    current = Current(study.data_root, hidden)
    listening = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(
        make_app(current, store, ("127.0.0.1",)),
        log_level="warning",
        access_log=False,
        server_header=False,
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive(), "the server did not start"
        time.sleep(0.005)
    clock = Clock()
    instead = nullcontext() if real_time else mock.patch.object(rater, "time", clock)
    try:
        with instead:
            yield Served(listening.getsockname()[1], store, current, clock)
    finally:
        server.should_exit = True
        thread.join(20)
        listening.close()
        store.close()
