"""MLflow's traces of requests to language models: autolog, switched on for the duration of a run.

A trace keeps what was asked and answered, the tokens and the time. The photos stay out of it: each is replaced by its length
before anything is written. Left alone, MLflow (3.17) would store every upload as an attachment of its trace. Keys are scrubbed from
answers where they arrive, and here once more from all that a trace holds.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from kedro.pipeline import Pipeline

from tpige_kedro.hooks.mlflow.client import bounded
from tpige_kedro.hooks.preflight import needed_models
from tpige_kedro.models import declared
from tpige_kedro.schemas import Parameters
from tpige_kedro.services.secrets import known_secrets, scrubbed

if TYPE_CHECKING:
    from mlflow.entities import LiveSpan

ATTACHMENTS = (
    "MLFLOW_TRACE_EXTRACT_ATTACHMENTS"  # whether MLflow moves pictures into files of their own
)
URI = "MLFLOW_TRACKING_URI"
FLUSH = 60.0  # seconds to write the last traces
IN_A_HURRY = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0", "MLFLOW_HTTP_REQUEST_TIMEOUT": "1"}
MESSAGES = ("mlflow.chat.messages", "messages")


def asks_service(pipeline: Pipeline, parameters: Parameters) -> bool:
    """Whether a language model of this run is a service, by what its class says."""
    names = needed_models(pipeline, parameters)
    enhancing = {
        parameters.prompt_enhancement.reader,
        parameters.reference_enhancement.writer,
    }
    return any(
        declared(parameters.models[name].type, "service", False)
        for name in names
        if name in enhancing
    )


class Traces:
    """Autolog of the openai package into ``uri``, linked to a run, until :meth:`stop`.

    Autolog knows the global tracking store only, so that one is set for the time and set back afterwards.
    """

    def __init__(self, uri: str, experiment: str, run: str) -> None:
        import mlflow
        import mlflow.openai

        def prepare(span: LiveSpan) -> None:
            without_secrets(span)
            link_to(span, run)

        self.given_up = False
        self._retries = {name: os.environ.get(name) for name in IN_A_HURRY}
        self.before = {name: os.environ.get(name) for name in (URI, ATTACHMENTS)}
        os.environ[ATTACHMENTS] = "false"
        mlflow.set_tracking_uri(uri)
        try:
            mlflow.set_experiment(experiment_id=experiment)
            mlflow.tracing.configure(span_processors=[prepare])
            mlflow.openai.autolog(silent=True)
        except BaseException:
            self._restore()
            raise

    def give_up(self) -> None:
        """The store is away: trace nothing more, and do not wait for what is queued."""
        import mlflow.openai

        self.given_up = True
        os.environ.update(IN_A_HURRY)
        mlflow.openai.autolog(disable=True, silent=True)

    def stop(self) -> None:
        """Write what is still to be written, and leave things as they were.

        Raises:
            TimeoutError: it could not be written in time.
        """
        import mlflow
        import mlflow.openai

        mlflow.openai.autolog(disable=True, silent=True)
        try:
            bounded(mlflow.flush_trace_async_logging, FLUSH)
        except TimeoutError:
            os.environ.update(IN_A_HURRY)  # for what is still queued when the process ends
            raise
        else:
            for name, value in self._retries.items():
                _set_variable(name, value)
        finally:
            mlflow.tracing.configure(span_processors=[])
            self._restore()

    def _restore(self) -> None:
        import mlflow

        # also its variable, which would win over the settings of the next run
        mlflow.set_tracking_uri(None)  # type: ignore[arg-type]  # documented, but not in its hint
        for name, value in self.before.items():
            _set_variable(name, value)


def _set_variable(name: str, value: str | None) -> None:
    if value is None:
        os.environ.pop(name, None)
    else:
        os.environ[name] = value


def without_secrets(span: LiveSpan) -> None:
    """Take pictures and keys out of a span's inputs, outputs and attributes."""
    if span.inputs is not None:
        span.set_inputs(hidden(span.inputs))
    if span.outputs is not None:
        span.set_outputs(hidden(span.outputs))
    for name in MESSAGES:
        if (value := span.get_attribute(name)) is not None:
            span.set_attribute(name, hidden(value))


def hidden(value: object) -> Any:
    """``value`` with every data URI in it replaced by its length, and keys by ``***``."""
    if isinstance(value, dict):
        return {key: hidden(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [hidden(part) for part in value]
    if isinstance(value, str) and value.startswith("data:"):
        return f"a picture of {len(value)} characters, not kept"
    return scrubbed(value, known_secrets()) if isinstance(value, str) else value


def link_to(span: LiveSpan, run: str) -> None:
    """Let MLflow's page of the run show the trace."""
    from mlflow.tracing.constant import TraceMetadataKey
    from mlflow.tracing.trace_manager import InMemoryTraceManager

    manager = InMemoryTraceManager.get_instance()
    manager.set_trace_metadata(span.trace_id, TraceMetadataKey.SOURCE_RUN, run)
