"""Redraws references: several candidates per sample, of which one picture stays."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from kedro.io import DatasetError
from PIL.Image import Image

from tpige_kedro.datasets.drawn import as_drawn
from tpige_kedro.datasets.pictures import References, checked_picture, part_of
from tpige_kedro.errors import (
    ModelError,
    NoFaceError,
    SampleError,
    TpigeError,
    first_line,
    unforeseen,
)
from tpige_kedro.execution.pictures import picture_hash
from tpige_kedro.execution.work import Answers, Job, Outcome, Result, Run, Task, fingerprint
from tpige_kedro.image_editors.choice import Choice, choose, judge_candidates
from tpige_kedro.image_editors.protocol import EditRequest, ImageEditor, ReferenceJudge
from tpige_kedro.models import describe_model, load_models, model_identity
from tpige_kedro.provenance import record_entry
from tpige_kedro.schemas import ModelSpec, ReferenceEnhancement
from tpige_kedro.seeds import derive_seed

logger = logging.getLogger(__name__)

SAMPLES_AT_ONCE = 16  # whose references and candidates are in memory together

Drawn = dict[int, "Image | Exception"]  # by seed


@dataclass(frozen=True)
class DrawRequest:
    """What to draw for one sample: the text, the original picture, and a seed per candidate."""

    prompt: str
    reference: str
    reference_hash: str
    seeds: tuple[int, ...]


@dataclass(frozen=True)
class Redraw:
    """The editor, the judge, the options and the pictures of one run of the stage."""

    options: ReferenceEnhancement
    editor: ModelSpec
    judge: ModelSpec
    references: References

    @cached_property
    def decided(self) -> str:
        """The part of all fingerprints that is the same for every sample."""
        return fingerprint(
            editor=model_identity(self.editor),
            judge=model_identity(self.judge),
            minimum_similarity=self.options.minimum_similarity,
        )

    def job(self, row: Mapping[Any, Any], seed: int) -> Job:
        """The job of a row of ``reference_prompts``; its fingerprint covers all that decides the picture."""
        key = str(row["sample_id"])
        seeds = tuple(
            derive_seed(seed, key, "reference", i) for i in range(self.options.candidates)
        )
        task = DrawRequest(row["reference_prompt"], row["reference"], row["reference_hash"], seeds)
        mark = fingerprint(
            decided=self.decided,
            prompt=task.prompt,
            reference=task.reference_hash,
            seeds=list(seeds),
        )
        return Job(key, mark, task, people=(str(row["person_id"]),))

    def produce(self, todo: list[Job]) -> Iterator[tuple[Job, Outcome]]:
        """Draw, judge and choose, a few samples at a time. A photo that cannot be opened fails its own sample."""
        try:
            editor, judge = load_models([self.editor, self.judge])
        except Exception as error:  # the variants with the original references go on
            logger.error(
                "editor or judge cannot be loaded; no reference is redrawn",
                exc_info=unforeseen(error),
            )
            problem = ModelError(
                f"models.{self.options.editor} or models.{self.options.judge} cannot be loaded ({first_line(error)})"
            )
            problem.not_loaded = True
            yield from ((job, problem) for job in todo)
            return
        for start in range(0, len(todo), SAMPLES_AT_ONCE):
            originals: dict[str, Image] = {}
            jobs = []
            for job in todo[start : start + SAMPLES_AT_ONCE]:
                task: DrawRequest = job.request
                try:
                    originals[job.key] = checked_picture(
                        self.references, task.reference, task.reference_hash
                    )
                    jobs.append(job)
                except (DatasetError, TpigeError) as error:
                    yield job, error
            for job, drawn in draw_candidates(editor, jobs, originals) if jobs else ():
                yield job, self._outcome(judge, job, originals[job.key], drawn)

    def share(self, todo: list[Job], run: Run) -> Answers:
        """The pictures by workers, a sample a task."""
        models = f"{self.options.editor} {self.options.judge}"
        yield from run(Task(self.part(job).produce, (job,), models) for job in todo)

    def part(self, job: Job) -> Redraw:
        """What another process needs to draw for one sample."""
        return replace(self, references=part_of(self.references, [job.request.reference]))

    def _outcome(self, judge: ReferenceJudge, job: Job, original: Image, drawn: Drawn) -> Outcome:
        """The chosen picture and its record; a sample of which nothing could be drawn fails."""
        errors = {seed: made for seed, made in drawn.items() if isinstance(made, Exception)}
        pictures = [(seed, made) for seed, made in drawn.items() if not isinstance(made, Exception)]
        if not pictures:
            cause = next(iter(errors.values()))
            return SampleError(
                job.key,
                f"its reference could not be redrawn ({cause})",
                "fix the cause, or set another reference_enhancement.editor",
            )
        try:
            candidates = judge_candidates(judge, original, pictures)
            choice = choose(candidates, self.options.minimum_similarity)
        except NoFaceError as error:
            choice = Choice(None, f"the original shows no face to compare with ({error})")
        if choice.best is None:
            logger.warning("sample %s: the original reference is kept: %s", job.key, choice.reason)
        picture = as_drawn(choice.best.picture) if choice.best else original
        failed = [{"seed": seed, "message": str(error)} for seed, error in errors.items()]
        made_by = record_entry() if choice.best else {"ai_generated": False}
        details = {"picture_hash": picture_hash(picture), **choice.describe(), "errors": failed}
        details |= made_by
        return Result(picture, {**details, **self._origin(job.request)})

    def _origin(self, task: DrawRequest) -> dict[str, Any]:
        """What the candidates were made from, for the record."""
        return {
            "reference_prompt": task.prompt,
            "reference": task.reference,
            "reference_hash": task.reference_hash,
            "judge": describe_model(self.options.judge, self.judge),
        }


def draw_candidates(
    editor: ImageEditor, jobs: Sequence[Job], originals: Mapping[str, Image]
) -> Iterator[tuple[Job, Drawn]]:
    """All candidates of each job, as soon as its last one is drawn; the editor sees all requests together."""
    requests = [
        EditRequest(job.key, job.request.prompt, originals[job.key], seed)
        for job in jobs
        for seed in job.request.seeds
    ]
    waiting = {job.key: job for job in jobs}
    drawn: dict[str, Drawn] = {key: {} for key in waiting}
    for request, picture in editor.edit(requests):
        made = drawn[request.sample_id]
        made[request.seed] = picture
        if len(made) == len(waiting[request.sample_id].request.seeds):
            yield waiting[request.sample_id], made
