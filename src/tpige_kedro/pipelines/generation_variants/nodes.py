"""Make the clips of one variant, and say which variants can run."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence

import pandas as pd
from kedro.io import DatasetError

from tpige_kedro.datasets.mp4 import Clip
from tpige_kedro.errors import SampleError
from tpige_kedro.execution.local import Chunk, Job, Outcome, Result, work_off
from tpige_kedro.models import load_models, missing_needs
from tpige_kedro.pipelines.generation_variants.imports import take_clips
from tpige_kedro.pipelines.generation_variants.jobs import Order, clip_jobs, clip_record
from tpige_kedro.pipelines.partitions import Pictures, Records, of_variant
from tpige_kedro.schemas import ModelSpec, Provenance, Variant
from tpige_kedro.video_generators.imported import is_imported
from tpige_kedro.video_generators.protocol import ClipRequest, GeneratedClip, VideoGenerator

logger = logging.getLogger(__name__)

UNSIGNED = Provenance()
AT_ONCE = 64  # requests handed to a generator together: bounds the pictures in memory


def list_variants(variants: dict[str, Variant], models: dict[str, ModelSpec]) -> pd.DataFrame:
    """Every variant, whether it can run (``status`` ready | skipped, ``reason``), and what it consists of."""
    rows = []
    for name, variant in variants.items():
        model = models[variant.generator]
        reason = why_skipped(model)
        rows.append(
            {
                "variant": name,
                "status": "skipped" if reason else "ready",
                "reason": reason,
                "generator": variant.generator,
                "prompt": variant.prompt,
                "reference": variant.reference,
                "text_weight": variant.guidance.text_weight,
                "identity_weight": variant.guidance.identity_weight,
                "source": model.source or "service",
                "licence": model.licence,
            }
        )
    return pd.DataFrame(rows)


def why_skipped(model: ModelSpec) -> str:
    """Why a variant of this generator cannot run here, or the empty text."""
    missing = missing_needs(model)
    return f"no key: {', '.join(missing)} is not set" if missing else ""


def clip_generator(name: str) -> Callable[..., Iterator[Chunk]]:
    """The node function of the variant ``name``; a node cannot know otherwise which variant it is."""

    def generate_clips(
        *,
        samples: pd.DataFrame,
        prompts: pd.DataFrame,
        references: Pictures,
        enhanced_references: Pictures,
        enhanced_reference_records: Records,
        completed: dict[str, str],
        variant: Variant,
        models: dict[str, ModelSpec],
        seed: int,
        provenance: Provenance = UNSIGNED,
    ) -> Iterator[Chunk]:
        """Yield clips, then their records, then what failed; a skipped variant yields nothing."""
        model = models[variant.generator]
        done, label = of_variant(completed, name), f"generation_variants.{name}"
        if is_imported(model):
            yield from take_clips(label, name, samples, done, model)
            return
        reason = why_skipped(model)
        if reason:
            logger.warning("generation_variants.%s: skipped, %s", name, reason)
            jobs: list[Job] = []
        else:
            jobs = list(
                clip_jobs(
                    samples=samples,
                    prompts=prompts,
                    enhanced_reference_records=enhanced_reference_records,
                    variant=variant,
                    model=model,
                    seed=seed,
                )
            )

        def produce(todo: list[Job]) -> Iterator[tuple[Job, Outcome]]:
            possible = [job for job in todo if isinstance(job.request, Order)]
            yield from ((job, job.request) for job in todo if isinstance(job.request, Exception))
            if not possible:
                return
            (generator,) = load_models([model])
            pictures = {"original": references, "enhanced": enhanced_references}[variant.reference]
            for job, outcome in run_generator(generator, possible, pictures, variant):
                if isinstance(outcome, Exception):
                    yield job, outcome
                else:
                    clip = Clip(outcome.frames, outcome.fps, job.request.prompt, provenance)
                    yield job, Result(clip, clip_record(job.request, outcome, name, variant, model))

        yield from work_off(label, jobs, done, produce)

    return generate_clips


def run_generator(
    generator: VideoGenerator, jobs: Sequence[Job], pictures: Pictures, variant: Variant
) -> Iterator[tuple[Job, GeneratedClip | Exception]]:
    """The generator's answers to ``jobs``, ``AT_ONCE`` at a time; a picture that cannot be read fails its own job."""
    for start in range(0, len(jobs), AT_ONCE):
        requests = []
        for job in jobs[start : start + AT_ONCE]:
            try:
                requests.append(clip_request(job.request, pictures))
            except (DatasetError, SampleError) as error:
                yield job, error
        by_sample = {job.key: job for job in jobs}
        for request, outcome in generator.generate(requests, variant.guidance) if requests else ():
            yield by_sample[request.sample_id], outcome


def clip_request(order: Order, pictures: Pictures) -> ClipRequest:
    """The order with its picture loaded."""
    name = order.reference if order.reference_source == "original" else order.sample_id
    if name not in pictures:
        raise SampleError(
            order.sample_id,
            f"its reference {name} is gone",
            "put the picture back, or run the stage before again",
        )
    return ClipRequest(order.sample_id, order.prompt, (pictures[name](),), order.seed)
