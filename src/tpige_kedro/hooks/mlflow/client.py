"""MLflow's client, wrapped so that it never costs a result: every call ends in time, and fails in one quiet way."""

from __future__ import annotations

import contextvars
import logging
import os
import threading
import time
import traceback
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tpige_kedro.hooks.mlflow.outage import MlflowAway, away, outage
from tpige_kedro.hooks.mlflow.uri import scrubbed

if TYPE_CHECKING:
    from mlflow import MlflowClient

logger = logging.getLogger(__name__)

CALL = 60.0  # seconds for one call, with MLflow's own attempts in it
RUN = 600.0  # seconds for all calls of a run
CLOSING = 10.0  # seconds to close a run of a store that has failed
THREAD = "a call of MLflow"
LEFT_BEHIND = (THREAD, "MlflowTraceLoggingWorker")  # names of threads
SLOWEST = 100_000.0  # bytes per second of an upload, which gets so much longer
LIBRARIES = ("mlflow", "alembic", "sqlalchemy", "urllib3.connectionpool", "huey")
SETTINGS = {  # of MLflow; it would try for minutes, and print addresses with the password in them
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "15",
    "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "1",
    "MLFLOW_HTTP_RESPECT_RETRY_AFTER_HEADER": "false",
    "MLFLOW_ALLOW_HTTP_REDIRECTS": "false",  # contact sheets show faces: they go to no other host
    "MLFLOW_CONFIGURE_LOGGING": "false",
    "MLFLOW_DISABLE_TELEMETRY": "true",  # it would report usage home
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
}


def settle() -> None:
    """Set MLflow's variables where the user has not; to be called before it is imported."""
    for name, value in SETTINGS.items():
        os.environ.setdefault(name, value)


def bounded(function: Callable[[], Any], seconds: float) -> Any:
    """What ``function`` returns or raises, run in its own thread.

    Raises:
        TimeoutError: it did not end in time; its thread is left behind.

    >>> bounded(lambda: 7, seconds=1)
    7
    """
    outcome: dict[str, Any] = {}
    context = contextvars.copy_context()

    def work() -> None:
        try:
            outcome["value"] = context.run(function)
        except BaseException as error:  # raised below, in the thread that asked
            outcome["error"] = error

    thread = threading.Thread(target=work, daemon=True, name=THREAD)
    thread.start()
    thread.join(seconds)
    if thread.is_alive():
        raise TimeoutError(f"no answer in {seconds:.0f} seconds")
    if "error" in outcome:
        raise outcome["error"]
    return outcome["value"]


class GuardedClient:
    """An ``MlflowClient`` of a store; after the first failure nothing is sent any more.

    Raises:
        MlflowAway: from every call that fails, and from all calls after it.
    """

    def __init__(self, uri: str) -> None:
        self.tracking_uri = uri
        self.problem: MlflowAway | None = None
        self._left = RUN
        self._client: Any = None
        self._client = self.call(partial(_client, uri))

    def __getattr__(self, name: str) -> Any:
        return partial(self.call, getattr(self._client, name))

    def log_artifact(self, run: str, path: str, folder: str | None = None) -> None:
        """Upload a file; a large one may take longer."""
        upload = partial(self._client.log_artifact, run, path, folder)
        self.call(upload, extra=Path(path).stat().st_size / SLOWEST)

    def log_text(self, run: str, text: str, name: str) -> None:
        """Upload a text; a large one may take longer."""
        self.call(partial(self._client.log_text, run, text, name), extra=len(text) / SLOWEST)

    def experiment(self, name: str, artifacts: str | None) -> Any:
        """The experiment of a name, which is made if it is new."""
        from mlflow.exceptions import MlflowException

        def find() -> Any:
            found = self._client.get_experiment_by_name(name)
            if found is not None:
                return found
            try:
                self._client.create_experiment(name, artifacts)
            except MlflowException as error:
                if error.error_code != "RESOURCE_ALREADY_EXISTS":  # another run was first
                    raise
            return self._client.get_experiment_by_name(name)

        return self.call(find)

    def has_run(self, run: str) -> bool:
        """Whether a run exists and is not deleted."""
        from mlflow.exceptions import MlflowException

        def look() -> bool:
            try:
                return bool(self._client.get_run(run).info.lifecycle_stage == "active")
            except MlflowException as error:
                if error.error_code == "RESOURCE_DOES_NOT_EXIST":
                    return False
                raise

        return bool(self.call(look))

    def call(
        self, function: Callable[..., Any], *arguments: Any, extra: float = 0, **options: Any
    ) -> Any:
        """Call a function that talks to the store, in at most ``CALL`` and ``extra`` seconds."""
        if self.problem is not None:
            raise self.problem
        begin = time.monotonic()
        try:
            return bounded(partial(function, *arguments, **options), min(CALL, self._left) + extra)
        except Exception as error:
            text = "".join(traceback.format_exception(error))
            logger.debug("MLflow:\n%s", scrubbed(text, self.tracking_uri))
            self.problem = outage(error, self.tracking_uri)
        finally:
            self._left -= max(0.0, time.monotonic() - begin - extra)
        raise self.problem  # outside of the handler: what MLflow says may hold the password

    def fail(self, wrong: str, remedy: str) -> MlflowAway:
        """Note that the store cannot be used."""
        self.problem = self.problem or away(self.tracking_uri, wrong, remedy)
        return self.problem

    def attempt(self, name: str, *arguments: Any) -> bool:
        """One short attempt of a store that has failed, which may be able to do this; whether it was."""
        if self._client is None:
            return False
        try:
            bounded(partial(getattr(self._client, name), *arguments), CLOSING)
        except Exception as error:
            logger.debug("MLflow: %s", scrubbed(str(error), self.tracking_uri))
            return False
        return True


def _client(uri: str) -> MlflowClient:
    from mlflow import MlflowClient

    return MlflowClient(tracking_uri=uri)


class Quiet:
    """Takes what MLflow and the libraries below it log, and passes it on without secrets, for those who debug.

    What the user has to know is said by us, once. ``on_warning`` gets the warnings of threads that nobody waits for.
    """

    def __init__(self, uri: str, on_warning: Callable[[str], None]) -> None:
        self._before = {name: _state(logging.getLogger(name)) for name in LIBRARIES}
        relay = _Relay(uri, on_warning)
        for name in LIBRARIES:
            library = logging.getLogger(name)
            library.handlers, library.propagate = [relay], False

    def stop(self) -> None:
        """Let them log as before, unless threads were left behind that may still say what is secret."""
        if any(thread.name.startswith(LEFT_BEHIND) for thread in threading.enumerate()):
            return
        for name, (handlers, propagate) in self._before.items():
            library = logging.getLogger(name)
            library.handlers, library.propagate = handlers, propagate


def _state(library: logging.Logger) -> tuple[list[logging.Handler], bool]:
    return list(library.handlers), library.propagate


class _Relay(logging.Handler):
    def __init__(self, uri: str, on_warning: Callable[[str], None]) -> None:
        super().__init__()
        self._uri, self._on_warning = uri, on_warning

    def emit(self, record: logging.LogRecord) -> None:
        text = scrubbed(record.getMessage(), self._uri)
        logger.debug("%s: %s", record.name, text)
        if record.levelno >= logging.WARNING and record.name.startswith("mlflow.tracing.export"):
            self._on_warning(text)
