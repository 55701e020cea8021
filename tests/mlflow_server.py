"""MLflow's own server in this process, over a SQLite file, which tests stop, start again, and let misbehave."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

Answer = tuple[str, str, bytes]  # status line, content type, body


def html(status: str) -> Callable[[str], Answer]:
    """Every request is answered with a page."""
    return lambda _: (status, "text/html", b"<html><body>another program</body></html>")


class MlflowServer:
    """The server; ``refuse`` may answer a request (its path) instead of it, or be slow."""

    def __init__(self, folder: Path) -> None:
        os.environ["_MLFLOW_SERVER_FILE_STORE"] = f"sqlite:///{folder}/server.db"
        os.environ["_MLFLOW_SERVER_SERVE_ARTIFACTS"] = "true"
        os.environ["_MLFLOW_SERVER_ARTIFACT_DESTINATION"] = str(folder / "artifacts")
        os.environ["_MLFLOW_SERVER_ARTIFACT_ROOT"] = "mlflow-artifacts:/"
        from mlflow.server import app

        logging.getLogger("werkzeug").setLevel("CRITICAL")
        self._app = app
        self._server: Any = None
        self.port = 0
        self.calls: list[str] = []
        self.logins: set[str] = set()
        self.refuse: Callable[[str], Answer | None] = lambda _: None
        self.start()

    @property
    def uri(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        from werkzeug.serving import make_server

        self._server = make_server("127.0.0.1", self.port, self._serve, threaded=True)
        self.port = self._server.server_port
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        """Nothing listens at its port any more."""
        self._server.shutdown()
        self._server.server_close()

    def reset(self) -> None:
        self.calls.clear()
        self.logins.clear()
        self.refuse = lambda _: None

    def _serve(self, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        self.calls.append(path)
        self.logins.add(environ.get("HTTP_AUTHORIZATION", ""))
        answer = self.refuse(path)
        if answer is None:
            return self._app(environ, start)  # type: ignore[no-any-return]
        status, kind, body = answer
        start(status, [("Content-Type", kind), ("Content-Length", str(len(body)))])
        return [body]


def sleeps(seconds: float) -> Callable[[str], Answer | None]:
    """Every request is answered late."""

    def wait(_: str) -> None:
        time.sleep(seconds)

    return wait
