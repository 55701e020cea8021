"""MiniMax answers of any type, size and speed: the sample fails, the run goes on, and nothing is paid twice in silence."""

from __future__ import annotations

import gzip
import io
import json
import logging
import os
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from PIL import Image

from services.loopback import Request, Server, drip, endless, response, serving
from tpige_kedro.errors import ModelError, SampleError, ServiceError, TpigeError
from tpige_kedro.schemas import Guidance
from tpige_kedro.video_generators import minimax_api
from tpige_kedro.video_generators.hailuo import Hailuo
from tpige_kedro.video_generators.hailuo_media import decode, request_key
from tpige_kedro.video_generators.protocol import ClipRequest, GeneratedClip

KEY = "mm-test-0123456789-secret"
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n"
OK = {"base_resp": {"status_code": 0, "status_msg": "success"}}
MISSING = object()


def mp4(width: int = 64, height: int = 48, frames: int = 5) -> bytes:
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for _ in range(frames):
            frame = av.VideoFrame.from_ndarray(np.zeros((height, width, 3), np.uint8), "rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return buffer.getvalue()


CLIP = mp4()
Part = Callable[[Request], Any]


class Service:
    """Answers as documented, but for the parts that a test replaces; ``good`` samples get good answers always."""

    def __init__(self, **parts: Any) -> None:
        self.parts = parts
        self.server: Server
        self.created = 0

    def __call__(self, request: Request) -> Any:
        name = next(
            (n for n in ("video_generation?", "retrieve", "download") if n in request.path),
            "create",
        ).replace("video_generation?", "query")
        is_good = "good" in request.path or b"good" in request.body
        self.created += name == "create"
        part = self.parts.get(name)
        if part is not None and not is_good:
            part = part(request) if callable(part) else part
            return (
                part
                if not isinstance(part, dict | list)
                else response(200, json.dumps(part).encode())
            )
        task = name_in(request)
        documented: dict[str, Any] = {
            "create": {**OK, "task_id": f"task-{task}"},
            "query": {**OK, "status": "Success", "file_id": f"file-{task}"},
            "retrieve": {
                **OK,
                "file": {"download_url": f"{self.server.url}/download-{task}?sig=abc"},
            },
        }
        if name == "download":
            return response(200, CLIP, content_type="video/mp4")
        return response(200, json.dumps(documented[name]).encode())


def name_in(request: Request) -> str:
    """The sample that a request is about: it stands in prompts and in the ids that we give."""
    found = re.search(r"good|bad\d*", request.path + request.body.decode())
    return found[0] if found else "bad"


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MINIMAX_API_KEY", KEY)
    monkeypatch.setattr(minimax_api, "ATTEMPTS", 2)


def asked(name: str, prompt: str = "") -> ClipRequest:
    return ClipRequest(
        name, prompt or f"A man waves, {name}.", (Image.new("RGB", (80, 100), "red"),), 1
    )


def run(service: Service, journal: Path, *names: str, **options: Any) -> dict[str, Any]:
    quick = {"poll_seconds": 0.01, "backoff_seconds": 0.001, "timeout_seconds": 20.0, **options}
    requests = [asked(name) for name in names or ("bad", "good")]
    with serving(service) as server:
        service.server = server
        hailuo = Hailuo(base_url=server.url, journal=str(journal), **quick)
        return {
            r.sample_id: made for r, made in hailuo.generate(requests, Guidance(text_weight=4.0))
        }


def changed(whole: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    """``whole`` with another value, or none, at ``path``."""
    first, _, rest = path.partition(".")
    inner = changed(whole[first], rest, value) if rest else value
    return {k: v for k, v in {**whole, first: inner}.items() if v is not MISSING}


DOCUMENTED = {
    "create": {**OK, "task_id": "t"},
    "query": {**OK, "status": "Success", "file_id": "f"},
    "retrieve": {**OK, "file": {"download_url": "http://127.0.0.1:9/x"}},
}
PLACES = {
    "create": ["base_resp", "base_resp.status_code", "task_id"],
    "query": ["base_resp", "base_resp.status_code", "status"],
    "retrieve": ["base_resp", "file", "file.download_url"],
}
VALUES = [
    MISSING,
    None,
    [],
    {},
    "",
    "no",
    -1,
    1.5,
    True,
    [[]],
    "\x00",
    "file:///etc/passwd",
    "ftp://h/x",
    "/x.mp4",
    "http://",
    "http://[::1",
]


@pytest.mark.parametrize(
    ("part", "place"), [(part, place) for part, places in PLACES.items() for place in places]
)
def test_a_field_of_another_type_fails_its_sample_only(
    part: str, place: str, tmp_path: Path
) -> None:
    def answer(request: Request) -> Any:
        return changed(DOCUMENTED[part], place, VALUES[int(name_in(request)[3:])])

    names = [f"bad{number}" for number in range(len(VALUES))]
    options = {"timeout_seconds": 0.2, "in_flight": 20}
    made = run(Service(**{part: answer}), tmp_path, *names, "good", **options)
    assert isinstance(made["good"], GeneratedClip)
    for name, value in zip(names, VALUES, strict=True):
        if place != "task_id" or not isinstance(value, str | int) or value in ("", "\x00", True):
            assert isinstance(made[name], SampleError), value
            assert str(made[name]).startswith(f"sample {name}: hailuo"), value


@pytest.mark.parametrize(
    ("part", "answer"),
    [
        ("create", {**OK, "task_id": 106916112212032}),
        ("create", {"base_resp": {"status_code": "0", "status_msg": None}, "task_id": "t"}),
        ("query", {**OK, "status": "success", "file_id": 205258526306433}),
        ("query", {**OK, "status": "SUCCESS", "file_id": "f", "task_id": [], "more": {"a": 1}}),
    ],
)
def test_other_writings_of_the_same_are_understood(part: str, answer: Any, tmp_path: Path) -> None:
    assert isinstance(run(Service(**{part: answer}), tmp_path)["bad"], GeneratedClip)


BOMB = gzip.compress(b" " * 30_000_000)
BODIES: dict[str, Any] = {
    "endless": lambda _: endless(HEAD, b" " * 65536),
    "gzip": response(200, BOMB, content_encoding="gzip"),
    "gzip gzip": response(200, gzip.compress(BOMB), content_encoding="gzip, gzip"),
    "nested": response(200, b"[" * 100_000 + b"]" * 100_000),
    "nested objects": response(200, b'{"base_resp":' * 100_000 + b"1" + b"}" * 100_000),
    "list": [],
    "text": response(200, b'"success"'),
    "number": response(200, b"1" * 5000),
    "html": response(200, b"<html>Log in</html>", content_type="text/html"),
    "empty": response(200, b""),
    "latin-1": response(200, b'{"base_resp": "\xff\xfe"}'),
    "other charset": response(200, b"{}", content_type="application/json; charset=no-such"),
}


@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize("part", ["create", "query", "retrieve"])
def test_bodies_are_bounded(part: str, body: str, tmp_path: Path) -> None:
    started = time.monotonic()
    made = run(Service(**{part: BODIES[body]}), tmp_path)
    assert isinstance(made["bad"], SampleError) and isinstance(made["good"], GeneratedClip)
    assert str(tmp_path) in str(made["bad"]), "the journal file to delete is named"
    assert time.monotonic() - started < 20


@pytest.mark.parametrize("part", ["create", "query", "retrieve"])
def test_calls_are_bounded_in_time(
    part: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(minimax_api, "CALL_SECONDS", 0.3)
    service = Service(**{part: lambda _: drip(service.server, HEAD + b" " * 10_000)})
    started = time.monotonic()
    made = run(service, tmp_path, "bad")
    assert isinstance(made["bad"], SampleError) and time.monotonic() - started < 20


def test_a_download_is_bounded_in_time(tmp_path: Path) -> None:
    service = Service(
        download=lambda _: drip(service.server, b"HTTP/1.1 200 OK\r\n\r\n" + b"\0" * 10_000)
    )
    started = time.monotonic()
    made = run(service, tmp_path, "bad", timeout_seconds=0.5)
    assert "was not complete in 0.5 s" in str(made["bad"]) and time.monotonic() - started < 20


DOWNLOADS: dict[str, bytes] = {
    "html": b"<html><script>alert(1)</script></html>",
    "playlist": b"#EXTM3U\n#EXTINF:10,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n",
    "list of files": b"ffconcat version 1.0\nfile /etc/passwd\n",
    "nothing": b"",
    "half": CLIP[: len(CLIP) // 3],
    "header only": CLIP[:32],
    "zeros": bytes(10_000),
    "picture": b"\x89PNG\r\n\x1a\n" + bytes(100),
    "large": mp4(4096, 2560, 1),
}


@pytest.mark.parametrize("name", DOWNLOADS)
def test_what_is_no_clip_is_not_accepted(name: str, tmp_path: Path) -> None:
    made = run(Service(download=response(200, DOWNLOADS[name], content_type="video/mp4")), tmp_path)
    assert isinstance(made["good"], GeneratedClip)
    assert isinstance(made["bad"], SampleError) and "what was downloaded" in str(made["bad"])


def test_an_endless_download_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(minimax_api, "LARGEST_CLIP", 3_000_000)
    head = b"HTTP/1.1 200 OK\r\n\r\n"
    made = run(Service(download=lambda _: endless(head, bytes(65536))), tmp_path, "bad")
    assert "larger than 3,000,000 bytes" in str(made["bad"])


def test_many_frames_are_not_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tpige_kedro.video_generators.hailuo_media.MOST_PIXELS", 64 * 48 * 20)
    assert len(decode(mp4(frames=19))[0]) == 19
    with pytest.raises(ServiceError, match="what was downloaded is too large"):
        decode(mp4(frames=25))


def test_the_key_goes_to_the_service_only(tmp_path: Path) -> None:
    with serving(lambda _: response(200, CLIP, content_type="video/mp4")) as other:
        links = [{**OK, "file": {"download_url": f"{other.url}/clip.mp4"}}]
        made = run(Service(retrieve=lambda _: links[0]), tmp_path, "bad")
        assert isinstance(made["bad"], GeneratedClip)
        (request,) = other.requests
        assert "authorization" not in request.headers and KEY not in str(request)
        moved = Service(create=lambda _: response(307, location=f"{other.url}/v1/video_generation"))
        made = run(moved, tmp_path / "moved", "bad")
        assert "not followed" in str(made["bad"]) and len(other.requests) == 1
        assert not list((tmp_path / "moved").glob("*.json")), "it was not taken: free to ask again"


GONE = [
    {"base_resp": {"status_code": 2013, "status_msg": "task not found"}},
    {"base_resp": {"status_code": 2013, "status_msg": "invalid task_id"}},
    {"base_resp": {"status_code": 1, "status_msg": "The file has expired"}},
    response(404, json.dumps({"error": {"message": "no such task (2013)"}}).encode()),
    response(410, json.dumps(OK).encode()),
]


@pytest.mark.parametrize("part", ["query", "retrieve"])
@pytest.mark.parametrize("answer", GONE)
def test_a_task_that_is_gone_is_forgotten(part: str, answer: Any, tmp_path: Path) -> None:
    service = Service(**{part: answer})
    made = run(service, tmp_path, "bad")
    assert "no longer knows task task-bad" in str(made["bad"]) and "is forgotten" in str(
        made["bad"]
    )
    assert not list(tmp_path.glob("*.json")) and service.created == 1


@pytest.mark.parametrize(
    "answer",
    [
        response(404, b"<html>no route</html>", content_type="text/html"),
        {"base_resp": {"status_code": 2013, "status_msg": "invalid params"}},
        {**OK, "status": "Dreaming"},
    ],
)
def test_a_task_that_may_be_there_is_kept(answer: Any, tmp_path: Path) -> None:
    made = run(Service(query=answer), tmp_path, "bad", timeout_seconds=0.1)
    (file,) = tmp_path.glob("*.json")
    assert json.loads(file.read_text())["task_id"] == "task-bad"
    assert str(file) in str(made["bad"]) or "Dreaming" in str(made["bad"])


def keyed(journal: Path, server_url: str, name: str) -> Path:
    sent = {"model": "S2V-01", "prompt_optimizer": False, "base_url": server_url}
    return journal / f"{request_key(asked(name), sample_id=name, **sent)}.json"


DAMAGED: dict[str, bytes] = {
    "cut": b'{"task_',
    "empty": b"",
    "empty object": b"{}",
    "list": b'["task_id"]',
    "number": b"1",
    "no utf-8": b'{"task_id": "\xff"}',
    "deep": b'{"task_id": ' + b"[" * 100_000,
    "large": b'{"task_id": "' + b"a" * 100_000 + b'"}',
    "task of another type": b'{"task_id": {"a": 1}}',
    "empty task": b'{"task_id": ""}',
    "refused of another type": b'{"refused": 1}',
    "other keys": b'{"who": "knows"}',
}


@pytest.mark.parametrize("kind", DAMAGED)
def test_a_damaged_entry_is_named_and_nothing_is_paid(kind: str, tmp_path: Path) -> None:
    service = Service()
    with serving(service) as server:
        service.server = server
        file = keyed(tmp_path, server.url, "bad")
        file.write_bytes(DAMAGED[kind])
        hailuo = Hailuo(base_url=server.url, journal=str(tmp_path), poll_seconds=0.01)
        made = {
            r.sample_id: m for r, m in hailuo.generate([asked("bad"), asked("good")], Guidance())
        }
    assert f"{file} is damaged; delete it" in str(made["bad"])
    assert isinstance(made["good"], GeneratedClip) and service.created == 1
    assert file.read_bytes() == DAMAGED[kind]


def entries(journal: Path) -> Iterator[dict[str, Any]]:
    return (json.loads(file.read_text()) for file in journal.glob("*.json"))


@pytest.mark.parametrize("field", ["sample_id", "model", "request"])
def test_an_entry_of_another_request_is_put_aside(
    field: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    service = Service()
    with serving(service) as server:
        service.server = server
        file = keyed(tmp_path, server.url, "good")
        about = {"sample_id": "good", "model": "S2V-01", "request": file.stem, field: "another"}
        file.write_text(json.dumps({"task_id": "task-bad", **about}))
        hailuo = Hailuo(base_url=server.url, journal=str(tmp_path), poll_seconds=0.01)
        ((_, made),) = hailuo.generate([asked("good")], Guidance())
    assert made.details["task_id"] == "task-good" and service.created == 1
    assert file.with_suffix(".ignored").exists() and f"another {field}" in caplog.text


def test_two_samples_with_one_prompt_and_photo_have_a_task_each(tmp_path: Path) -> None:
    service = Service(create=lambda _: {**OK, "task_id": f"t{service.created}"})
    with serving(service) as server:
        service.server = server
        hailuo = Hailuo(base_url=server.url, journal=str(tmp_path), poll_seconds=0.01)
        requests = [asked(name, "A man waves.") for name in ("a", "b")]
        made = [m for _, m in hailuo.generate(requests, Guidance())]
    assert {m.details["task_id"] for m in made} == {"t1", "t2"}
    assert {entry["sample_id"] for entry in entries(tmp_path)} == {"a", "b"}


def test_a_task_of_an_earlier_version_is_fetched_and_not_paid_again(tmp_path: Path) -> None:
    service = Service()
    with serving(service) as server:
        service.server = server
        sent = {"model": "S2V-01", "prompt_optimizer": False, "base_url": server.url}
        old = tmp_path / f"{request_key(asked('good'), **sent)}.json"
        old.write_text(json.dumps({"task_id": "task-good", "sample_id": "good", "model": "S2V-01"}))
        hailuo = Hailuo(base_url=server.url, journal=str(tmp_path), poll_seconds=0.01)
        ((_, made),) = hailuo.generate([asked("good")], Guidance())
    assert isinstance(made, GeneratedClip) and service.created == 0


def test_a_journal_that_cannot_be_read_fails_its_sample(tmp_path: Path) -> None:
    service = Service()
    with serving(service) as server:
        service.server = server
        keyed(tmp_path, server.url, "bad").mkdir()
        hailuo = Hailuo(base_url=server.url, journal=str(tmp_path), poll_seconds=0.01)
        made = {
            r.sample_id: m for r, m in hailuo.generate([asked("bad"), asked("good")], Guidance())
        }
    assert isinstance(made["bad"], SampleError) and isinstance(made["good"], GeneratedClip)


@pytest.mark.parametrize("part", ["create", "query"])
@pytest.mark.parametrize(
    "written",
    [
        KEY,
        "".join(f"\\u{ord(c):04x}" for c in KEY),
        KEY.replace("-", "%2d"),
        KEY.replace("-", "&#45;"),
        KEY.upper(),
    ],
)
def test_the_key_comes_back_in_no_field(
    part: str, written: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    whole = changed(DOCUMENTED[part], "base_resp", {"status_code": 1, "status_msg": "no: KEY"})
    places = [
        whole,
        changed(DOCUMENTED["query"], "status", "Processing KEY"),
        {"KEY": "KEY", "error": {"message": "KEY (1004)"}},
        {**OK, "task_id": "KEY", "file_id": "KEY", "file": {"download_url": "ftp://KEY"}},
    ]
    with caplog.at_level(logging.DEBUG):
        for number, place in enumerate(places):
            body = json.dumps(place).replace("KEY", written).encode()
            answer = response(200, body, x_echo=written)
            made = run(
                Service(**{part: answer}), tmp_path / str(number), "bad", timeout_seconds=0.05
            )
            error = made["bad"]
            said = f"{error!r} {error.__cause__!r} {error.__context__!r}"
            journal = "".join(f.read_text() for f in (tmp_path / str(number)).glob("*"))
            for text in (said, journal, caplog.text):
                assert written not in text and KEY.lower() not in text.lower()


@pytest.mark.parametrize("url", ["https://user:word@host", "https://host?key=1"])
def test_an_address_with_a_password_or_none_is_refused(url: str, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="base_url"):
        Hailuo(base_url=url, journal=str(tmp_path))


def test_errors_of_services_are_one_family() -> None:
    for name in ("Refused", "AccountError", "Unanswered", "UnknownTask"):
        assert issubclass(getattr(minimax_api, name), ServiceError)
    assert issubclass(ServiceError, TpigeError) and minimax_api.ServiceError is ServiceError
    assert os.environ["MINIMAX_API_KEY"] == KEY
