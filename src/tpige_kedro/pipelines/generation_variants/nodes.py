"""Makes the clips of all variants."""

from __future__ import annotations

import gc
import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import pandas as pd
from kedro.io import DatasetError

from tpige_kedro.datasets.items import Items
from tpige_kedro.datasets.mp4_encoding import EncodedClip
from tpige_kedro.datasets.pictures import References, checked_picture, part_of
from tpige_kedro.errors import ModelError, SampleError, TpigeError, first_line, unforeseen
from tpige_kedro.execution.work import (
    Answers,
    Job,
    Made,
    Result,
    Run,
    Task,
    Work,
    fingerprint,
    impossible,
)
from tpige_kedro.further import further_pictures
from tpige_kedro.models import declared, load_model, load_models, model_identity, why_skipped
from tpige_kedro.pipelines.generation_variants.imports import import_outcome, import_row
from tpige_kedro.pipelines.generation_variants.plan import rows_of
from tpige_kedro.pipelines.generation_variants.recipes import recipe_text
from tpige_kedro.pipelines.generation_variants.records import clip_details
from tpige_kedro.pipelines.generation_variants.writing import ClipWriter
from tpige_kedro.schemas import ModelSpec, Provenance, Variant
from tpige_kedro.video_generators.imported import Imported, is_imported
from tpige_kedro.video_generators.protocol import ClipRequest, GeneratedClip, VideoGenerator

logger = logging.getLogger(__name__)

STAGE = "generation_variants"
UNSIGNED = Provenance()
AT_ONCE = 64  # requests handed to a generator together
PIXELS_AT_ONCE = 100_000_000  # of their pictures, which are all in memory: 300 MB


def generate_clips(
    clip_plan: pd.DataFrame,
    references: References,
    enhanced_references: Items,
    variants: dict[str, Variant],
    models: dict[str, ModelSpec],
    provenance: Provenance = UNSIGNED,
) -> Work:
    """Make every clip of the plan; one job per variant and sample, model by model, so that each is loaded once.

    Returns:
        The work for ``clips``: ``<variant>/<sample_id>``.
    """
    stage = Generation(references, enhanced_references, variants, models, provenance)
    jobs = [stage.job(row) for row in rows_of(clip_plan)]
    return Work(STAGE, jobs, stage.produce, paid=stage.is_paid, share=stage.share)


@dataclass(frozen=True)
class Generation:
    """The variants, their models and the pictures of one run."""

    references: References
    enhanced_references: Items
    variants: Mapping[str, Variant]
    models: Mapping[str, ModelSpec]
    provenance: Provenance
    ahead: tuple[str, ...] = ()  # prompts of clips that this process may make next

    @cached_property
    def decided(self) -> dict[str, str]:
        """By variant, the part of its fingerprints that is the same for every sample: guidance and model."""
        return {
            name: fingerprint(
                guidance=variant.guidance.deciding(),
                model=model_identity(self.models[variant.generator]),
            )
            for name, variant in self.variants.items()
            if not is_imported(self.models[variant.generator])
            and not why_skipped(variant, self.models)
        }

    @cached_property
    def folders(self) -> dict[str, Imported]:
        """The folders of clips made elsewhere, by model."""
        names = {variant.generator for variant in self.variants.values()}
        return {n: load_model(self.models[n]) for n in names if is_imported(self.models[n])}

    def model_of(self, job: Job) -> ModelSpec:
        """The generator of a job's variant."""
        return self.models[self.variants[job.group].generator]

    def is_paid(self, job: Job) -> bool:
        """Whether the clip costs money each time it is made."""
        return bool(declared(self.model_of(job).type, "paid", False))

    def job(self, row: Mapping[str, Any]) -> Job:
        """The job of a row of the plan; its fingerprint covers what decides the pixels, and not how the model is run."""
        variant, people = row["variant"], (row["person_id"],)
        key = f"{variant}/{row['sample_id']}"
        model = self.models[self.variants[variant].generator]
        if is_imported(model):
            return import_row(variant, row, self.folders[self.variants[variant].generator])
        if row["problem"]:
            return impossible(key, TpigeError(row["problem"]), variant, people)
        further = [mark for _, mark in further_pictures(row)]
        mark = fingerprint(
            decided=self.decided[variant],
            prompt=row["prompt"],
            reference=row["reference_hash"],
            seed=row["seed"],
            **({"further": further} if further else {}),
        )
        return Job(key, mark, row, variant, people)

    def produce(self, todo: list[Job]) -> Iterator[tuple[Job, Made]]:
        """The clips, model by model and variant by variant."""
        with closing(ClipWriter(self.provenance)) as writer:
            yield from self.made(todo, writer)

    def made(self, todo: list[Job], writer: ClipWriter) -> Iterator[tuple[Job, Made]]:
        """The clips, which ``writer`` compresses."""
        for jobs in grouped(todo, lambda job: self.variants[job.group].generator):
            model = self.model_of(jobs[0])
            if is_imported(model):
                yield from ((job, import_outcome(job, model)) for job in jobs)
                continue
            name = self.variants[jobs[0].group].generator
            generator, problem = loaded_or_problem(name, model)
            if problem is not None:  # the other generators go on
                yield from ((job, problem) for job in jobs)
                continue
            if self.ahead and hasattr(generator, "foresee"):
                generator.foresee(self.ahead)
            for of_variant in grouped(jobs, lambda job: job.group):
                variant = self.variants[of_variant[0].group]
                for job, outcome in self.run(generator, of_variant, variant):
                    yield job, self.finish(job, outcome, variant, model, writer)
                    del outcome  # an error's traceback holds the generator
            del generator  # else the next one is loaded beside it
            gc.collect()  # a failed clip's traceback can hold it in a circle

    def share(self, todo: list[Job], run: Run) -> Answers:
        """The clips by workers, all variants at once; those that cost money or exist already are seen to here."""
        yield from run(self.tasks(todo))

    def tasks(self, todo: Sequence[Job]) -> Iterator[Task]:
        """As many clips a task as the generator makes together."""
        for jobs in grouped(todo, lambda job: job.group):
            model, variant = self.model_of(jobs[0]), self.variants[jobs[0].group]
            if is_imported(model) or self.is_paid(jobs[0]):
                yield Task(self.produce, tuple(jobs), place="here")
                continue
            size = max(1, int(model.options.get("batch_size", 1)))
            for start in range(0, len(jobs), size):
                batch = tuple(jobs[start : start + size])
                cost = branches(variant) * len(batch)
                part = self.part(batch, jobs[start + size : start + size + AT_ONCE])
                yield Task(part.produce, batch, variant.generator, cost)

    def part(self, jobs: Sequence[Job], following: Sequence[Job] = ()) -> Generation:
        """What another process needs to make a few clips of one variant, of which it may make some of those that follow."""
        rows = [job.request for job in jobs]
        redrawn = {row["sample_id"] for row in rows if row["reference_source"] != "original"}
        originals = {row["reference"] for row in rows if row["reference_source"] == "original"}
        originals |= {name for row in rows for name, _ in further_pictures(row)}
        variant = self.variants[jobs[0].group]
        reloads = self.models[variant.generator].options.get("free_text_encoder", False)
        return replace(
            self,
            references=part_of(self.references, originals),
            enhanced_references=self.enhanced_references.part(redrawn),
            variants={jobs[0].group: variant},
            models={variant.generator: self.models[variant.generator]},
            ahead=tuple(job.request["prompt"] for job in following) if reloads else (),
        )

    def finish(
        self,
        job: Job,
        outcome: GeneratedClip | Exception,
        variant: Variant,
        model: ModelSpec,
        writer: ClipWriter,
    ) -> Made:
        """The clip as it is saved, with its record, once it is compressed."""
        if isinstance(outcome, Exception):
            return outcome
        clip, row = outcome, job.request

        def result(encoded: EncodedClip, frames_hash: str) -> Result:
            return Result(encoded, clip_details(row, clip, frames_hash, variant, model))

        def recipe(frames_hash: str) -> str:
            return recipe_text(row, clip, frames_hash, variant, model)

        try:
            return writer.write(clip, row["prompt"], result, recipe)
        except TpigeError as error:
            return error

    def run(
        self, generator: VideoGenerator, jobs: Sequence[Job], variant: Variant
    ) -> Iterator[tuple[Job, GeneratedClip | Exception]]:
        """The generator's answers, some requests at a time; a picture that cannot be read fails its own job."""
        waiting: list[tuple[Job, ClipRequest]] = []
        for job in jobs:
            try:
                waiting.append((job, self.request(job.request)))
            except (DatasetError, TpigeError) as error:
                yield job, error
                continue
            if len(waiting) == AT_ONCE or pixels(waiting) > PIXELS_AT_ONCE:
                yield from answers(generator, waiting, variant)
                waiting = []
        if waiting:
            yield from answers(generator, waiting, variant)

    def request(self, row: Mapping[str, Any]) -> ClipRequest:
        """What the generator is given, with the pictures loaded; a redrawn one stands for the first."""
        sample = row["sample_id"]
        if row["reference_source"] == "original":
            picture = checked_picture(self.references, row["reference"], row["reference_hash"])
        else:
            drawn = self.enhanced_references.get(sample)
            if drawn is None or drawn.mark != row["reference_hash"]:
                problem = "its enhanced reference is missing or differs from the planned one"
                raise SampleError(sample, problem, "run reference_enhancement again")
            picture = drawn.load()
        others = [checked_picture(self.references, *each) for each in further_pictures(row)]
        return ClipRequest(sample, row["prompt"], (picture, *others), row["seed"])


def branches(variant: Variant) -> float:
    """How often a step runs the transformer, about: which clips take longest.

    >>> (
    ...     branches(Variant(generator="wan")),
    ...     branches(
    ...         Variant.model_validate({"generator": "wan", "guidance": {"identity_weight": 1}})
    ...     ),
    ... )
    (2.0, 3.0)
    """
    guidance = variant.guidance
    weak = 1 / guidance.reuse_every if guidance.identity_weight else 0.0
    return 1.0 + bool(guidance.text_weight) + weak


def loaded_or_problem(name: str, model: ModelSpec) -> tuple[Any, Exception | None]:
    """The generator, or why it cannot be loaded: half a file, no memory, what no look at its folder can tell."""
    try:
        (generator,) = load_models([model])
    except Exception as error:
        logger.error("models.%s cannot be loaded; its clips fail", name, exc_info=unforeseen(error))
        problem = ModelError(f"models.{name} cannot be loaded ({first_line(error)})")
        problem.not_loaded = True
        return None, problem
    return generator, None


def answers(
    generator: VideoGenerator, waiting: Sequence[tuple[Job, ClipRequest]], variant: Variant
) -> Iterator[tuple[Job, GeneratedClip | Exception]]:
    """What the generator makes of the requests, with their jobs."""
    jobs = {request.sample_id: job for job, request in waiting}
    requests = [request for _, request in waiting]
    for request, outcome in generator.generate(requests, variant.guidance):
        yield jobs[request.sample_id], outcome


def pixels(waiting: Sequence[tuple[Job, ClipRequest]]) -> int:
    """The size of all pictures in memory; one that several requests share counts once."""
    pictures = {id(p): p for _, request in waiting for p in request.references}
    return sum(picture.width * picture.height for picture in pictures.values())


def grouped(jobs: Sequence[Job], key: Any) -> list[list[Job]]:
    """The jobs with equal keys together, in the order of their first."""
    groups: dict[Any, list[Job]] = {}
    for job in jobs:
        groups.setdefault(key(job), []).append(job)
    return list(groups.values())
