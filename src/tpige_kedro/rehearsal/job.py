"""One stage as a job: in this process or in one of its own, which returns all memory when it ends."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tpige_kedro.rehearsal.chat_service import chat_stand_in
from tpige_kedro.rehearsal.instruments import Instruments
from tpige_kedro.rehearsal.loopback import KEY
from tpige_kedro.rehearsal.memory import Gpu, asked_for, host_peak
from tpige_kedro.rehearsal.prices import is_paid
from tpige_kedro.rehearsal.quiet import without_misleading_lines
from tpige_kedro.rehearsal.video_service import video_stand_in
from tpige_kedro.schemas import ModelSpec

logger = logging.getLogger(__name__)

OUT_OF_MEMORY = "out of memory"
WORKER = "tpige_kedro.rehearsal.job"


@dataclass
class Job:
    """What a stage runs: a pipeline of the project with parameters; ``services`` get a stand-in, ``steps`` are the configured ones."""

    project: str
    env: str | None
    conf_source: str | None
    pipeline: str
    parameters: dict[str, Any]
    models: list[str] = field(default_factory=list)
    services: list[str] = field(default_factory=list)
    steps: dict[str, int] = field(default_factory=dict)
    gpu_limit: float | None = None
    tiny: bool = False  # the clips of services, too


@dataclass
class Measured:
    """What came of a job. ``problem`` is why it ended early; ``failures`` are items that failed, by their tally."""

    seconds: float = 0.0
    problem: str = ""
    needed: float | None = None  # GiB that were in use or asked for when the GPU's memory ran out
    host_resident: int | None = None
    host_anonymous: int | None = None
    gpu: dict[str, float] = field(default_factory=dict)
    gpu_name: str = ""
    gpu_total: float = 0.0
    failures: list[dict[str, str]] = field(default_factory=list)
    made: dict[str, int] = field(default_factory=dict)
    usage: dict[str, dict[str, float]] = field(default_factory=dict)
    seen: dict[str, list[dict[str, Any]]] = field(default_factory=dict)


def run_apart(job: Job, folder: Path) -> Measured:
    """Run a job in its own process; if the system kills it, that is a problem like any other."""
    order, result = folder / "job.json", folder / "result.json"
    folder.mkdir(parents=True, exist_ok=True)
    result.unlink(missing_ok=True)
    order.write_text(json.dumps(asdict(job)))
    command = [sys.executable, "-m", WORKER, str(order), str(result)]
    child = subprocess.Popen(command, cwd=job.project, env=with_this_package())
    try:
        code = child.wait()
    except BaseException:
        child.terminate()
        child.wait()
        raise
    if result.exists():
        return Measured(**json.loads(result.read_text()))
    killed = ", probably because host memory ran out" if code in {-9, 137} else ""
    return Measured(problem=f"its process ended with code {code}{killed}")


def with_this_package() -> dict[str, str]:
    """The environment in which a process finds the code that runs here, wherever it starts."""
    here = str(Path(__file__).parents[2])
    return {**os.environ, "PYTHONPATH": os.pathsep.join([here, os.environ.get("PYTHONPATH", "")])}


def run_here(job: Job) -> Measured:
    """Run a job in this process."""
    from tpige_kedro.models import release_models

    gpu, started = Gpu(job.gpu_limit), time.perf_counter()
    gpu.start()
    measured = Measured(gpu_name=gpu.name, gpu_total=gpu.total)
    instruments = Instruments(gpu, names_of(job), job.steps)
    with host_peak() as host:
        try:
            with instruments.watching(), without_misleading_lines():
                run_pipeline(job)
        except Exception as error:
            logger.debug("the stage ended early", exc_info=error)
            measured.problem = f"{type(error).__name__}: {error}".strip()
        release_models()
    measured.seconds = time.perf_counter() - started
    measured.host_resident, measured.host_anonymous = host.resident, host.anonymous
    measured.seen = instruments.seen.to_dict()
    note_results(measured, gpu)
    return measured


def note_results(measured: Measured, gpu: Gpu) -> None:
    """What the run counted, its peak of GPU memory, and whether that was too little."""
    from tpige_kedro.execution.tally import tallies
    from tpige_kedro.vision_language.usage import usage_totals

    for tally in tallies():
        measured.made[tally.label] = tally.made
        measured.failures += [{"stage": tally.label, **failure} for failure in tally.failures]
    measured.usage = {name: usage.to_dict() for name, usage in usage_totals().items()}
    peaks = [gpu.peak(), *(item["peak"] for item in measured.seen["items"])]
    for kind in ("allocated", "reserved") if gpu.name else ():
        measured.gpu[kind] = max(peak.get(kind, 0.0) for peak in peaks)
    texts = [measured.problem, *(failure["message"] for failure in measured.failures)]
    short = [text for text in texts if OUT_OF_MEMORY in text.lower()]
    if short and gpu.name:
        measured.needed = measured.gpu["allocated"] + (asked_for(short[0]) or 0.0)


def names_of(job: Job) -> Callable[[ModelSpec], str]:
    """The key under ``models`` of a specification; of two that are the same, the one that the stage is about."""
    models = job.parameters["models"]
    known: dict[str, str] = {}
    for name in [*job.models, *models]:
        known.setdefault(_mark(ModelSpec.model_validate(models[name])), name)
    return lambda spec: known.get(_mark(spec), spec.type)


def _mark(spec: ModelSpec) -> str:
    options = {key: value for key, value in spec.options.items() if key != "base_url"}
    return json.dumps([spec.type, spec.source, options], sort_keys=True, default=str)


def run_pipeline(job: Job) -> None:
    """The product's own run, as ``kedro run`` has it."""
    from kedro.framework.project import pipelines
    from kedro.framework.session import KedroSession

    from tpige_kedro.execution.tally import reset_tallies
    from tpige_kedro.vision_language.usage import reset_usage

    reset_tallies()
    reset_usage()
    with served(job) as parameters, unhashed(job):
        session = KedroSession.create(
            project_path=job.project,
            env=job.env,
            conf_source=job.conf_source,
            runtime_params=parameters,
        )
        try:
            with session:
                session.run(pipeline_names=[job.pipeline])
        finally:
            pipelines.set_requested(None)  # else the next job of this process runs it, too


@contextmanager
def served(job: Job) -> Iterator[dict[str, Any]]:
    """The parameters with a stand-in for each service, and a key that is none."""
    if not job.services:
        yield job.parameters
        return
    keep = dict(os.environ)
    parameters = json.loads(json.dumps(job.parameters))
    with ExitStack() as stack:
        for name in job.services:
            entry = parameters["models"][name]
            options, variables = entry["options"], set(entry.get("needs", ()))
            if is_paid(ModelSpec.model_validate(entry)):
                options["base_url"] = stack.enter_context(video_stand_in(job.tiny))
            else:
                options["base_url"] = stack.enter_context(chat_stand_in())
                variables.add(options.get("key_variable", "OPENAI_API_KEY"))
            os.environ.update(dict.fromkeys(filter(None, variables), KEY))
        try:
            yield parameters
        finally:
            os.environ.clear()
            os.environ.update(keep)


@contextmanager
def unhashed(job: Job) -> Iterator[None]:
    """Weights in the scratch count by their path: published ones are identified by the commit of the hub, and nothing is hashed."""
    from unittest.mock import patch

    from tpige_kedro import models
    from tpige_kedro.weights.content import content_revision

    scratch = str(Path(job.parameters["data_root"]).parent)

    def revision(path: Path) -> str:
        return f"rehearsal-{path.name}" if str(path).startswith(scratch) else content_revision(path)

    with patch.object(models, "content_revision", revision):
        yield


def main() -> None:
    """``python -m tpige_kedro.rehearsal.job JOB RESULT``."""
    from kedro.framework.startup import bootstrap_project

    order, result = map(Path, sys.argv[1:])
    job = Job(**json.loads(order.read_text()))
    bootstrap_project(Path(job.project))
    measured = run_here(job)
    partial = result.with_suffix(".partial")
    partial.write_text(json.dumps(asdict(measured)))
    partial.rename(result)


if __name__ == "__main__":
    main()
