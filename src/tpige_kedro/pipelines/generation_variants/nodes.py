"""Makes the clips of all variants."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pandas as pd
from kedro.io import DatasetError

from tpige_kedro.datasets.items import Items
from tpige_kedro.datasets.mp4 import Clip
from tpige_kedro.datasets.pictures import References, checked_picture
from tpige_kedro.errors import SampleError, TpigeError
from tpige_kedro.execution.work import Job, Outcome, Result, Work, fingerprint, impossible
from tpige_kedro.models import declared, load_model, load_models, model_identity
from tpige_kedro.pipelines.generation_variants.imports import import_outcome, import_row
from tpige_kedro.pipelines.generation_variants.records import clip_details
from tpige_kedro.schemas import ModelSpec, Provenance, Variant
from tpige_kedro.video_generators.imported import Imported, is_imported
from tpige_kedro.video_generators.protocol import ClipRequest, GeneratedClip, VideoGenerator

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
    jobs = [stage.job(row) for row in clip_plan.to_dict("records")]
    return Work(STAGE, jobs, stage.produce, paid=stage.is_paid)


@dataclass(frozen=True)
class Generation:
    """The variants, their models and the pictures of one run."""

    references: References
    enhanced_references: Items
    variants: Mapping[str, Variant]
    models: Mapping[str, ModelSpec]
    provenance: Provenance

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

    def job(self, row: dict[Any, Any]) -> Job:
        """The job of a row of the plan; its fingerprint covers what decides the pixels, and not how the model is run."""
        variant, people = row["variant"], (row["person_id"],)
        key = f"{variant}/{row['sample_id']}"
        model = self.models[self.variants[variant].generator]
        if is_imported(model):
            return import_row(variant, row, self.folders[self.variants[variant].generator])
        if row["problem"]:
            return impossible(key, TpigeError(row["problem"]), variant, people)
        mark = fingerprint(
            decided=self.decided[variant],
            prompt=row["prompt"],
            reference=row["reference_hash"],
            seed=row["seed"],
        )
        return Job(key, mark, row, variant, people)

    def produce(self, todo: list[Job]) -> Iterator[tuple[Job, Outcome]]:
        """The clips, model by model and variant by variant."""
        for jobs in grouped(todo, lambda job: self.variants[job.group].generator):
            model = self.model_of(jobs[0])
            if is_imported(model):
                yield from ((job, import_outcome(job, model)) for job in jobs)
                continue
            (generator,) = load_models([model])
            for of_variant in grouped(jobs, lambda job: job.group):
                variant = self.variants[of_variant[0].group]
                for job, outcome in self.run(generator, of_variant, variant):
                    yield job, self.finish(job, outcome, variant, model)
                    del outcome  # an error's traceback holds the generator
            del generator  # else the next one is loaded beside it

    def finish(
        self, job: Job, outcome: GeneratedClip | Exception, variant: Variant, model: ModelSpec
    ) -> Outcome:
        """The clip as it is saved, with its record."""
        if isinstance(outcome, Exception):
            return outcome
        clip = Clip(outcome.frames, outcome.fps, job.request["prompt"], self.provenance)
        return Result(clip, clip_details(job.request, outcome, variant, model))

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
        """What the generator is given, with the picture loaded."""
        sample = row["sample_id"]
        if row["reference_source"] == "original":
            picture = checked_picture(self.references, row["reference"], row["reference_hash"])
        else:
            drawn = self.enhanced_references.get(sample)
            if drawn is None or drawn.mark != row["reference_hash"]:
                problem = "its enhanced reference is gone, or another one than was planned"
                raise SampleError(sample, problem, "run reference_enhancement again")
            picture = drawn.load()
        return ClipRequest(sample, row["prompt"], (picture,), row["seed"])


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
