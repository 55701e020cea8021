"""A Hugging Face hub on loopback: real HTTP, the answers and headers that huggingface_hub expects, faults on demand.

    with FakeHub() as hub:
        commit = hub.add("owner/name", {"config.json": b"{}", "model.safetensors": weights})   # or a folder: Path
        hub.use(monkeypatch, tmp_path / "cache")     # this process talks to it, online, with an empty cache
        hub.fail(file="model.safetensors", drop_at=1000, times=1)
        ...
        assert hub.sent["owner/name", "model.safetensors"] == len(weights)   # bytes of bodies, over all requests
        assert hub.requests == []                    # (method, path) of every request since `hub.forget()`

``add`` again makes a new commit; old ones stay; ``revision`` names another branch or tag. ``gated=True`` and ``private=True`` let
in who sends a token of ``hub.members`` that lists the repository. ``use`` works in this process, ``environment`` is for another one.
``stop`` refuses connections. Files that LFS would keep are sent by a second server, as by the real one's CDN.

``fail(where, file=…)`` breaks the requests for what is ``"api"``, ``"file"`` (a file's address, also of small files) or ``"cdn"``
(the second server) or a ``"page"`` (of ``put``), the first ``times`` ones or all: see :class:`Fault` for how. ``LAYOUTS`` has published file names with contents of a few kB.
"""

from __future__ import annotations

import hashlib
import json
import os
import threading
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatch
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import quote, unquote, urlsplit

LFS = frozenset(
    {".safetensors", ".bin", ".pth", ".pt", ".onnx", ".msgpack", ".h5", ".model", ".ckpt"}
)
LOGIN_PAGE = (
    b"<!DOCTYPE html><html><title>Campus login</title>Please log in to use the network.</html>"
)


@dataclass
class Fault:
    """What goes wrong with the requests that it fits.

    ``status`` is answered instead (with ``headers`` and ``body``); ``drop_at``: the connection breaks after that many bytes;
    ``content`` is sent instead; ``redirect`` leads there; ``no_range``: ranges are ignored; ``stall``: seconds before the answer.
    """

    where: str = "file"
    repo: str = "*"
    file: str = "*"
    times: int | None = None
    status: int | None = None
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    drop_at: int | None = None
    content: bytes | None = None
    redirect: str | None = None
    no_range: bool = False
    stall: float = 0.0

    def takes(self, where: str, repo: str, file: str) -> bool:
        """Whether this request is broken; counts it."""
        fits = where == self.where and fnmatch(repo, self.repo) and fnmatch(file, self.file)
        if not fits or self.times == 0:
            return False
        self.times = None if self.times is None else self.times - 1
        return True


@dataclass
class Repo:
    """A repository: what ``commits`` hold, and where branches and tags are."""

    gated: bool = False
    private: bool = False
    commits: dict[str, dict[str, bytes]] = field(default_factory=dict)
    refs: dict[str, str] = field(default_factory=dict)


class FakeHub:
    """See the module."""

    def __init__(self) -> None:
        self.repos: dict[str, Repo] = {}
        self.pages: dict[str, bytes] = {}
        self.members: dict[str, set[str]] = {}  # tokens, each with the repositories that it opens
        self.requests: list[tuple[str, str]] = []
        self.sent: Counter[tuple[str, str]] = Counter()
        self.tokens_at_cdn: list[str] = []
        self.faults: list[Fault] = []
        self._lock = threading.Lock()
        handler = type("Bound", (Handler,), {"hub": self})
        self._servers = [ThreadingHTTPServer(("127.0.0.1", 0), handler) for _ in range(2)]
        self.endpoint, self.cdn = (f"http://127.0.0.1:{s.server_port}" for s in self._servers)

    def __enter__(self) -> FakeHub:
        for server in self._servers:
            server.daemon_threads = True
            threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Refuse connections from now on."""
        for server in self._servers:
            server.shutdown()
            server.server_close()
        self._servers = []

    def add(
        self,
        repo: str,
        files: Mapping[str, bytes] | Path,
        revision: str = "main",
        gated: bool = False,
        private: bool = False,
    ) -> str:
        """A new commit with these files alone; returns its id."""
        if isinstance(files, Path):
            found = (path for path in files.rglob("*") if path.is_file())
            files = {path.relative_to(files).as_posix(): path.read_bytes() for path in found}
        entry = self.repos.setdefault(repo, Repo())
        entry.gated, entry.private = gated, private
        told = json.dumps([[name, _sha1(data)] for name, data in sorted(files.items())])
        commit = _sha1(f"{repo} {told}".encode())
        entry.commits[commit] = dict(files)
        entry.refs[revision] = commit
        return commit

    def put(self, name: str, data: bytes) -> str:
        """Any other file at an address of the second server; counted as of repository ``""``."""
        self.pages[name] = data
        return f"{self.cdn}/pages/{name}"

    def fail(self, where: str = "file", **how: Any) -> Fault:
        """Break requests, see :class:`Fault`."""
        fault = Fault(where, **how)
        self.faults.append(fault)
        return fault

    def heal(self) -> None:
        """No faults any more."""
        self.faults.clear()

    def forget(self) -> None:
        """Count from zero."""
        self.requests.clear()
        self.sent.clear()

    def environment(self, cache: Path, token: str = "") -> dict[str, str]:
        """Environment variables with which another process talks to this hub."""
        mine = {"HF_ENDPOINT": self.endpoint, "HF_HOME": str(cache), "HF_HUB_CACHE": str(cache)}
        quiet = {"HF_HUB_OFFLINE": "0", "HF_HUB_DISABLE_PROGRESS_BARS": "1"}
        return {**os.environ, **mine, **quiet, **({"HF_TOKEN": token} if token else {})}

    def use(self, monkeypatch: Any, cache: Path, token: str = "") -> None:
        """Let this process talk to the hub, with the cache in this folder."""
        use_hub(monkeypatch, self.endpoint, cache, token)


def use_hub(monkeypatch: Any, endpoint: str, cache: Path, token: str = "") -> None:
    """Point huggingface_hub, which reads its environment at import, to an address and a cache."""
    from huggingface_hub import constants, utils

    from tpige_kedro.weights import hub, listing

    template = endpoint + "/{repo_id}/resolve/{revision}/{filename}"
    monkeypatch.setattr(constants, "ENDPOINT", endpoint)
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(cache))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(cache.parent / "no-token"))
    monkeypatch.delenv("HUGGING_FACE_HUB_TOKEN", raising=False)
    monkeypatch.setenv("HF_TOKEN", token)
    utils.disable_progress_bars()
    hub.forget_commits()
    listing.forget_listings()


class Handler(BaseHTTPRequestHandler):
    """Answers as huggingface.co does, as far as huggingface_hub looks."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # head and body are two packets
    hub: FakeHub

    def log_message(self, *_: object) -> None: ...

    def do_HEAD(self) -> None:
        self._handle()

    def do_GET(self) -> None:
        self._handle()

    def _handle(self) -> None:
        path = unquote(urlsplit(self.path).path).lstrip("/")
        with self.hub._lock:
            self.hub.requests.append((self.command, "/" + path))
        if path.startswith("cdn/"):
            _, owner, name, commit, file = path.split("/", 4)
            self._send_file(f"{owner}/{name}", commit, file)
        elif path.startswith("pages/"):
            self._page(path.removeprefix("pages/"))
        elif path.startswith("api/models/"):
            owner, name, *rest = path.removeprefix("api/models/").split("/", 3)
            self._api(f"{owner}/{name}", *rest)
        else:
            repo, _, rest = path.partition("/resolve/")
            self._resolve(repo, *rest.partition("/")[::2])

    def _api(self, repo: str, what: str = "revision", revision: str = "main") -> None:
        fault = self._fault("api", repo, what)
        if self._broken(fault) or (
            fault and fault.content is not None and self._json(fault.content)
        ):
            return
        if not self._may_enter(repo, needs_gate=what == "auth-check"):
            return
        found = self._commit(repo, revision)
        if found is None:
            return
        entry, commit = self.hub.repos[repo], found
        files = entry.commits[commit]
        if what == "auth-check":
            self._json(b"{}")
        elif what == "tree":
            self._json(json.dumps([_in_tree(n, d) for n, d in sorted(files.items())]).encode())
        else:
            gated: Any = "auto" if entry.gated else False
            info = {"_id": "0", "id": repo, "modelId": repo, "sha": commit, "gated": gated}
            siblings = [_sibling(n, d) for n, d in sorted(files.items())]
            self._json(
                json.dumps(
                    {**info, "private": entry.private, "tags": [], "siblings": siblings}
                ).encode()
            )

    def _resolve(self, repo: str, revision: str, file: str) -> None:
        fault = self._fault("file", repo, file)
        if self._broken(fault) or not self._may_enter(repo, needs_gate=True):
            return
        commit = self._commit(repo, revision)
        if commit is None:
            return
        data = self.hub.repos[repo].commits[commit].get(file)
        headers = {"X-Repo-Commit": commit}
        if data is None:
            self._refuse(404, "EntryNotFound", "Entry not found", headers)
        elif Path(file).suffix in LFS:
            linked = {"X-Linked-Etag": f'"{_sha256(data)}"', "X-Linked-Size": str(len(data))}
            place = f"{self.hub.cdn}/cdn/{repo}/{commit}/{quote(file)}"
            if fault and (fault.drop_at is not None or fault.content is not None or fault.no_range):
                self._body(
                    repo, file, data, fault, headers | linked
                )  # the fault is meant for the file
            else:
                self._answer(302, b"", {**headers, **linked, "Location": place})
        else:
            self._body(repo, file, data, fault, {**headers, "ETag": f'"{_git_sha1(data)}"'})

    def _send_file(self, repo: str, commit: str, file: str) -> None:
        if token := self.headers.get("Authorization"):
            self.hub.tokens_at_cdn.append(token)
        fault = self._fault("cdn", repo, file)
        if not self._broken(fault):
            data = self.hub.repos[repo].commits[commit][file]
            self._body(repo, file, data, fault, {"ETag": f'"{_sha256(data)}"'})

    def _page(self, name: str) -> None:
        if token := self.headers.get("Authorization"):
            self.hub.tokens_at_cdn.append(token)
        fault = self._fault("page", "", name)
        if self._broken(fault):
            return
        if name in self.hub.pages:
            self._body("", name, self.hub.pages[name], fault, {})
        else:
            self._answer(404, b"Not Found", {})

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
        self.wfile.write(cut)
        with self.hub._lock:
            self.hub.sent[repo, file] += len(cut)
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

    def _may_enter(self, repo: str, needs_gate: bool) -> bool:
        token = self.headers.get("Authorization", "").removeprefix("Bearer ")
        if token and token not in self.hub.members:
            self._refuse(401, "", "Invalid credentials in Authorization header")
            return False
        entry, opened = self.hub.repos.get(repo), repo in self.hub.members.get(token, ())
        if entry is None or (entry.private and not opened):
            self._refuse(404 if token else 401, "RepoNotFound", "Repository not found")
            return False
        if entry.gated and needs_gate and not opened:
            page = f"Visit https://huggingface.co/{repo} to ask for access."
            why = (
                f" and you are not in the authorized list. {page}"
                if token
                else ". You must have access to it and be authenticated to access it. Please log in."
            )
            self._refuse(
                403 if token else 401, "GatedRepo", f"Access to model {repo} is restricted{why}"
            )
            return False
        return True

    def _commit(self, repo: str, revision: str) -> str | None:
        entry = self.hub.repos[repo]
        commit = entry.refs.get(revision, revision)
        if commit in entry.commits:
            return commit
        self._refuse(404, "RevisionNotFound", f"Invalid rev id: {revision}")
        return None

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


def _sha1(data: bytes) -> str:
    return hashlib.sha1(data).hexdigest()


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _git_sha1(data: bytes) -> str:
    return _sha1(b"blob %d\0" % len(data) + data)


def _sibling(name: str, data: bytes) -> dict[str, Any]:
    entry = {"rfilename": name, "size": len(data), "blobId": _git_sha1(data)}
    if Path(name).suffix in LFS:
        entry["lfs"] = {"sha256": _sha256(data), "size": len(data), "pointerSize": 134}
    return entry


def _in_tree(name: str, data: bytes) -> dict[str, Any]:
    entry = {"type": "file", "path": name, "size": len(data), "oid": _git_sha1(data)}
    if Path(name).suffix in LFS:
        entry["lfs"] = {"oid": _sha256(data), "size": len(data), "pointerSize": 134}
    return entry


def _made_up(*names: str) -> dict[str, bytes]:
    """Contents of a few kB; JSON for JSON, and indices that list the shards beside them."""
    files = {}
    for name in names:
        folder, _, base = name.rpartition("/")
        if base.endswith(".index.json"):
            shards = [
                n for n in names if n.startswith(f"{folder}/" if folder else "") and "-of-" in n
            ]
            weight_map = {f"tensor_{i}": n.rpartition("/")[2] for i, n in enumerate(shards)}
            files[name] = json.dumps({"metadata": {}, "weight_map": weight_map}).encode()
        elif base == "model_index.json":
            kinds = {n.partition("/")[0] for n in names if "/" in n}
            parts = {kind: ["library", _class_name(kind)] for kind in sorted(kinds)}
            files[name] = json.dumps({"_class_name": "Pipeline", **parts}).encode()
        elif base == "config.json":
            own = (
                {"_class_name": folder}
                if folder in {"transformer", "vae"}
                else {"architectures": [folder]}
            )
            files[name] = json.dumps(own).encode()
        elif base.endswith(".json"):
            files[name] = json.dumps({"name": name}).encode()
        else:
            files[name] = Random(name).randbytes(2000 + len(name))
    return files


def _class_name(kind: str) -> str:
    return {"scheduler": "AScheduler", "tokenizer": "ATokenizer", "tokenizer_2": "ATokenizer"}.get(
        kind, "AProcessor" if kind == "processor" else "ANetwork"
    )


def _shards(stem: str, count: int) -> list[str]:
    names = [f"{stem}-{i:05}-of-{count:05}.safetensors" for i in range(1, count + 1)]
    return [*names, f"{stem}.safetensors.index.json"]


_UMT5 = [
    "text_encoder/config.json",
    *_shards("text_encoder/model", 5),
    *(f"tokenizer/{n}" for n in ("special_tokens_map.json", "spiece.model", "tokenizer.json")),
    "tokenizer/tokenizer_config.json",
]
_WAN = [
    *("README.md", ".gitattributes", "model_index.json", "scheduler/scheduler_config.json"),
    *("vae/config.json", "vae/diffusion_pytorch_model.safetensors", "assets/logo.png", *_UMT5),
]
_TRANSFORMER = "transformer/diffusion_pytorch_model"
LAYOUTS: dict[str, dict[str, bytes]] = {
    "Wan-AI/Wan2.1-VACE-1.3B-diffusers": _made_up(
        *_WAN, "transformer/config.json", *_shards(_TRANSFORMER, 2)
    ),
    "Wan-AI/Wan2.1-VACE-14B-diffusers": _made_up(
        *_WAN, "transformer/config.json", *_shards(_TRANSFORMER, 8)
    ),
    "Wan-AI/Wan2.1-T2V-1.3B-Diffusers": _made_up(
        *_WAN, "transformer/config.json", f"{_TRANSFORMER}.safetensors"
    ),
    "Wan-AI/Wan2.1-T2V-14B-Diffusers": _made_up(
        *_WAN, "transformer/config.json", *_shards(_TRANSFORMER, 12)
    ),
    "Qwen/Qwen2.5-VL-7B-Instruct": _made_up(
        *("README.md", "config.json", "generation_config.json", "merges.txt", "vocab.json"),
        *(
            "tokenizer.json",
            "tokenizer_config.json",
            "preprocessor_config.json",
            "chat_template.json",
        ),
        *_shards("model", 5),
    ),
    "Qwen/Qwen-Image-Edit-2509": _made_up(
        *("README.md", "model_index.json", "scheduler/scheduler_config.json", "vae/config.json"),
        *("vae/diffusion_pytorch_model.safetensors", "transformer/config.json"),
        *_shards(_TRANSFORMER, 5),
        *("text_encoder/config.json", *_shards("text_encoder/model", 4)),
        *("tokenizer/merges.txt", "tokenizer/vocab.json", "tokenizer/tokenizer_config.json"),
        *("processor/preprocessor_config.json", "processor/tokenizer.json"),
    ),
    "bytedance-research/Phantom": _made_up(
        "README.md", "Phantom-Wan-1.3B.pth", *_shards("Phantom_Wan_14B", 6)
    ),
    "openai/clip-vit-base-patch16": _made_up(
        *("README.md", "config.json", "flax_model.msgpack", "merges.txt", "pytorch_model.bin"),
        *("preprocessor_config.json", "special_tokens_map.json", "tf_model.h5", "tokenizer.json"),
        *("tokenizer_config.json", "vocab.json"),
    ),
    "Alibaba-NLP/gme-Qwen2-VL-2B-Instruct": _made_up(
        *(
            "README.md",
            "config.json",
            "merges.txt",
            "vocab.json",
            "tokenizer.json",
            "gme_inference.py",
        ),
        *("tokenizer_config.json", "preprocessor_config.json", "chat_template.json"),
        *_shards("model", 3),
    ),
    "black-forest-labs/FLUX.1-Fill-dev": _made_up(
        *("README.md", "model_index.json", "flux1-fill-dev.safetensors", "ae.safetensors"),
        *("scheduler/scheduler_config.json", "vae/config.json", "transformer/config.json"),
        *("vae/diffusion_pytorch_model.safetensors", *_shards(_TRANSFORMER, 3)),
        *("text_encoder/config.json", "text_encoder/model.safetensors"),
        *("text_encoder_2/config.json", *_shards("text_encoder_2/model", 2)),
        *("tokenizer/merges.txt", "tokenizer/vocab.json", "tokenizer/tokenizer_config.json"),
        *("tokenizer_2/spiece.model", "tokenizer_2/tokenizer.json"),
    ),
    "ali-vilab/ACE_Plus": _made_up(
        "README.md",
        *("portrait/ace_plus_portrait_lora64.safetensors",),
        *(
            "portrait/comfyui_portrait_lora64.safetensors",
            "subject/comfyui_subject_lora16.safetensors",
        ),
    ),
    "lalala125/AMT": _made_up("README.md", "amt-s.pth", "amt-l.pth", "amt-g.pth"),
    "chaofengc/IQA-PyTorch-Weights": _made_up(
        "README.md", "musiq_spaq_ckpt-358bb6af.pth", "musiq_koniq_ckpt-e95806b9.pth"
    ),
    "BestWishYsh/ConsisID-preview": _made_up(
        "README.md", "face_encoder/glint360k_curricular_face_r101_backbone.bin"
    ),
}
