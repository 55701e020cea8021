"""The whole rehearsal: stage by stage, its models are built, run, measured and deleted."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tpige_kedro.files.sizes import readable_size
from tpige_kedro.rehearsal.estimate import NOT_REHEARSED, Row, rows_of
from tpige_kedro.rehearsal.job import Job, Measured, run_apart, run_here
from tpige_kedro.rehearsal.plan import demo_samples, job_of, list_samples
from tpige_kedro.rehearsal.report import Report, facts
from tpige_kedro.rehearsal.results import bytes_of_run
from tpige_kedro.rehearsal.scratch import GB, Scratch, merged
from tpige_kedro.rehearsal.settings import Settings, answer_factor, run_parameters
from tpige_kedro.rehearsal.stages import LATE, Stage, stages_of
from tpige_kedro.schemas import Parameters
from tpige_kedro.weights.sources import project_root

logger = logging.getLogger(__name__)

Say = Callable[[str], None]
AFTER_CLIPS, CLIPS = ("scoring", *LATE), "07_model_output/clips/*/*.mp4"
NO_CLIP = f"{NOT_REHEARSED}: no clip was made"
NO_SCORES = f"{NOT_REHEARSED}: no scorer was"
SUPPLIED = "failed here; a stand-in made what later stages need"


@dataclass
class Rehearsal:
    """One rehearsal: its options, the environment's parameters, and its stages."""

    settings: Settings
    parameters: Parameters
    stages: list[Stage]

    @classmethod
    def of(cls, settings: Settings) -> Rehearsal:
        """Read and check the environment. Raises :class:`~tpige_kedro.hooks.errors.RunStopped` as a run does."""
        parameters = read_parameters(settings)
        stages = stages_of(parameters, settings)
        if settings.models:
            unknown = set(settings.models) - set(parameters.models)
            if unknown:
                raise ValueError(f"--models: no {', '.join(sorted(unknown))} under models")
        return cls(settings, parameters, stages)

    @property
    def measured_stages(self) -> list[Stage]:
        """The stages that have a model to rehearse, and those that need none."""
        return [s for s in self.stages if not s.models or set(s.models.values()) - set(s.left_out)]

    @property
    def without_scores(self) -> bool:
        """Whether all scorers are left out, so that nothing can be selected or reported."""
        return not any(stage.pipeline == "scoring" for stage in self.measured_stages)

    @property
    def clips_per_sample(self) -> int:
        """How many variants a full run makes and scores."""
        return sum(len(stage.variants + stage.computed) for stage in self.measured_stages)

    def largest(self) -> int:
        """Largest number of bytes of weights in the scratch folder at one time."""
        sizes, here = [0], set[tuple[str, str]]()
        for index, stage in enumerate(self.stages):
            here = {pair for pair in here if pair in self._later(index)} | pairs_of(stage)
            files = {
                (p.folder, f.name): f.bytes for s in self.stages for p in s.places for f in p.files
            }
            sizes.append(sum(files[pair] for pair in here))
        return max(sizes)

    def _later(self, index: int) -> set[tuple[str, str]]:
        return {pair for stage in self.stages[index:] for pair in pairs_of(stage)}

    def run(self, scratch: Scratch, say: Say, to: Path | None = None) -> Report:
        """All stages; what does not fit or fails is a row, the others go on. The report is written ``to`` a file after each stage."""
        report = Report(facts(self.settings), samples=self.settings.for_samples)
        report.shrunk = self.settings.tiny and any(stage.places for stage in self.stages)
        list_samples(scratch, self.settings.samples)
        with private_cache(scratch):
            for index, stage in enumerate(self.stages):
                keep: dict[str, set[str]] = {}
                for folder, name in self._later(index):
                    keep.setdefault(folder, set()).add(name)
                scratch.keep_only(keep)
                report.rows += self._stage(stage, scratch, say)
                asked = self.settings.samples, self.settings.for_samples
                report.bytes = bytes_of_run(scratch.data, self.stages, self.parameters, *asked)
                if to is not None:
                    report.write(to)
        return report

    def _stage(self, stage: Stage, scratch: Scratch, say: Say) -> Iterator[Row]:
        notes = [f"{name}: {why}" for name, why in stage.left_out.items() if stage.models]
        if stage not in self.measured_stages:
            say(f"{stage.name}: not rehearsed ({'; '.join(notes)})")
            self._supply(stage, scratch)
            yield Row(stage.name, problem=NOT_REHEARSED, notes=notes)
            return
        if stage.pipeline in LATE and self.without_scores:
            yield Row(stage.name, problem=NO_SCORES)
            return
        if stage.pipeline in AFTER_CLIPS and not any(scratch.data.glob(CLIPS)):
            yield Row(stage.name, problem=NO_CLIP, notes=notes)
            return
        started = time.perf_counter()
        places = merged(stage.places)
        if size := scratch.to_build(places.values()):
            say(f"{stage.name}: building {readable_size(size)} of random weights")
        written, seconds = 0, 0.0
        try:
            written, seconds = scratch.build(places.values())
        except (OSError, ModuleNotFoundError) as error:
            yield Row(stage.name, problem=f"cannot be built: {error}", notes=notes)
            self._supply(stage, scratch)
            return
        used = scratch.used()
        if places:
            say(
                f"{stage.name}: {readable_size(written)} built in {seconds:.0f} s, the scratch holds {readable_size(used)}; running"
            )
        with scratch.all_clips():
            job = job_of(stage, self.parameters, self.settings, scratch)
            measured = self._measure(job, scratch)
        asked = self.settings.samples, self.settings.for_samples
        factors = {
            n: answer_factor(self.parameters.models[n], self.settings)
            for n in stage.models.values()
        }
        rows = rows_of(stage, measured, self.parameters, *asked, self.clips_per_sample, factors)
        rows[0].notes += notes
        rows[0].built_gb, rows[0].scratch_gb = written / GB, used / GB
        if stage.pipeline == "reference_enhancement" and (measured.problem or measured.failures):
            rows[0].notes.append(SUPPLIED)
            self._supply(stage, scratch)
        if stage.pipeline == "prompt_enhancement" and (measured.problem or measured.failures):
            rows[0].notes.append(
                "a random reader says nothing that can be used: later stages get plain prompts; its full "
                "seconds are extrapolated to answers as long as max_tokens, three a face"
            )
            if measured.problem:
                self._supply(stage, scratch)
        say(f"{stage.name}: finished in {time.perf_counter() - started:.0f} s{_problem(rows[0])}")
        yield from rows

    def _supply(self, stage: Stage, scratch: Scratch) -> None:
        """Let stand-ins make what later stages read; a problem of theirs is logged, the stages that miss it are rows."""
        if stage.pipeline in {"prompt_enhancement", "reference_enhancement"}:
            job = job_of(stage, self.parameters, self.settings, scratch, only_stand_ins=True)
            if problem := self._measure(job, scratch).problem:
                logger.error("%s by stand-ins: %s", stage.name, problem.replace("\n", " "))

    def _measure(self, job: Job, scratch: Scratch) -> Measured:
        if self.settings.apart or not self.settings.tiny:
            return run_apart(job, scratch.root / "job")
        return run_here(job)


def pairs_of(stage: Stage) -> set[tuple[str, str]]:
    """The files of a stage: folder of the place, and name."""
    return {(p.folder, name) for p in stage.places for name in p.wanted}


def _problem(row: Row) -> str:
    return f": {row.problem}" if row.problem else ""


@contextmanager
def private_cache(scratch: Scratch) -> Iterator[None]:
    """Hashes of weights are remembered in the scratch, not for the user."""
    before = os.environ.get("TPIGE_CACHE")
    os.environ["TPIGE_CACHE"] = str(scratch.cache)
    try:
        yield
    finally:
        if before is None:
            del os.environ["TPIGE_CACHE"]
        else:
            os.environ["TPIGE_CACHE"] = before


def read_parameters(settings: Settings) -> Parameters:
    """The parameters of the environment, checked as before a run."""
    from kedro.framework.session import KedroSession
    from kedro.framework.startup import bootstrap_project

    from tpige_kedro.hooks.parameters import parse_parameters

    changed: dict[str, Any] = run_parameters(
        settings, Path("rehearsal"), demo_samples(), Path("samples.csv")
    )
    bootstrap_project(project_root())
    session = KedroSession.create(
        project_path=project_root(),
        env=settings.env,
        conf_source=settings.conf_source,
        runtime_params={"data_root": changed["data_root"]},
    )
    context = session.load_context()
    return parse_parameters(dict(context.config_loader["parameters"]))
