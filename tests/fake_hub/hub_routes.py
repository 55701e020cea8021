"""What the hub answers: its API, the addresses of files, those of the CDN, and who may enter."""

from __future__ import annotations

import json
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from fake_hub.hub_answers import Answers
from fake_hub.hub_entries import LFS, git_sha1, in_tree, sha256, sibling


class Server(ThreadingHTTPServer):
    """Says nothing about clients that hang up."""

    daemon_threads = True

    def handle_error(self, *_: object) -> None: ...


class Handler(Answers):
    """Answers as huggingface.co does, as far as huggingface_hub looks."""

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
            self._json(json.dumps([in_tree(n, d) for n, d in sorted(files.items())]).encode())
        else:
            gated: Any = "auto" if entry.gated else False
            info = {"_id": "0", "id": repo, "modelId": repo, "sha": commit, "gated": gated}
            siblings = [sibling(n, d) for n, d in sorted(files.items())]
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
            linked = {"X-Linked-Etag": f'"{sha256(data)}"', "X-Linked-Size": str(len(data))}
            place = f"{self.hub.cdn}/cdn/{repo}/{commit}/{quote(file)}"
            if fault and (fault.drop_at is not None or fault.content is not None or fault.no_range):
                self._body(
                    repo, file, data, fault, headers | linked
                )  # the fault is meant for the file
            else:
                self._answer(302, b"", {**headers, **linked, "Location": place})
        else:
            self._body(repo, file, data, fault, {**headers, "ETag": f'"{git_sha1(data)}"'})

    def _send_file(self, repo: str, commit: str, file: str) -> None:
        if token := self.headers.get("Authorization"):
            self.hub.tokens_at_cdn.append(token)
        fault = self._fault("cdn", repo, file)
        if not self._broken(fault):
            data = self.hub.repos[repo].commits[commit][file]
            self._body(repo, file, data, fault, {"ETag": f'"{sha256(data)}"'})

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
