"""The hub: its repositories and pages, the faults to come, and what was asked and sent."""

from __future__ import annotations

import json
import os
import threading
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fake_hub.hub_entries import sha1
from fake_hub.hub_faults import Fault
from fake_hub.hub_routes import Handler, Server


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
        self._servers = [Server(("127.0.0.1", 0), handler) for _ in range(2)]
        self.endpoint, self.cdn = (f"http://127.0.0.1:{s.server_port}" for s in self._servers)

    def __enter__(self) -> FakeHub:
        for server in self._servers:
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
        told = json.dumps([[name, sha1(data)] for name, data in sorted(files.items())])
        commit = sha1(f"{repo} {told}".encode())
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
