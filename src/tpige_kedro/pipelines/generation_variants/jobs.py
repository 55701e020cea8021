"""What one variant has to make: an order per sample, and the record of how it was carried out."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import pandas as pd

from tpige_kedro import __version__
from tpige_kedro.errors import SampleError
from tpige_kedro.execution.local import Job, fingerprint
from tpige_kedro.models import describe_model, model_identity
from tpige_kedro.pipelines.partitions import Records
from tpige_kedro.provenance import record_entry
from tpige_kedro.schemas import ModelSpec, Variant
from tpige_kedro.seeds import derive_seed
from tpige_kedro.video_generators.protocol import Frames, GeneratedClip


@dataclass(frozen=True)
class Order:
    """One clip to make: the text and the picture that this variant sees, by name and hash, and the seed."""

    sample_id: str
    prompt: str
    prompt_source: str  # original | enhanced
    reference: str  # file name of the original
    reference_source: str  # original | enhanced
    reference_hash: str
    seed: int


def clip_jobs(
    *,
    samples: pd.DataFrame,
    prompts: pd.DataFrame,
    enhanced_reference_records: Records,
    variant: Variant,
    model: ModelSpec,
    seed: int,
) -> Iterator[Job]:
    """A job per sample, in the table's order; its request is an :class:`Order`, or the error that prevents one.

    The fingerprint covers what decides the pixels: guidance, model (without how it is run), text, picture and seed.
    """
    decided = {"guidance": variant.guidance.model_dump(mode="json"), "model": model_identity(model)}
    texts = prompts.set_index("sample_id")["enhanced_prompt"]
    for row in samples.to_dict("records"):
        try:
            order = Order(
                sample_id=row["sample_id"],
                prompt=_prompt(row, texts, variant),
                prompt_source=variant.prompt,
                reference=row["reference"],
                reference_source=variant.reference,
                reference_hash=_reference_hash(row, enhanced_reference_records, variant),
                seed=noise_seed(seed, row["sample_id"], variant.draw),
            )
        except SampleError as error:
            yield Job(row["sample_id"], "impossible", error)
        else:
            mark = fingerprint(
                **decided,
                prompt=order.prompt,
                reference=order.reference_hash,
                seed=order.seed,
            )
            yield Job(order.sample_id, mark, order)


def noise_seed(seed: int, sample: str, draw: int) -> int:
    """The seed of a sample's noise: all variants share that of draw 0, further draws have their own."""
    return derive_seed(seed, sample, "draw", draw) if draw else derive_seed(seed, sample)


def _prompt(row: Mapping[Any, Any], texts: pd.Series, variant: Variant) -> str:
    if variant.prompt == "original":
        return str(row["prompt"])
    if row["sample_id"] not in texts.index:
        raise SampleError(
            row["sample_id"],
            "it has no enhanced prompt",
            "see why in failures of prompt_enhancement, and run it again",
        )
    return str(texts[row["sample_id"]])


def _reference_hash(row: Mapping[Any, Any], records: Records, variant: Variant) -> str:
    if variant.reference == "original":
        return str(row["reference_hash"])
    if row["sample_id"] not in records:
        raise SampleError(
            row["sample_id"],
            "it has no enhanced reference",
            "see why in failures of reference_enhancement, and run it again",
        )
    return str(records[row["sample_id"]]()["picture_hash"])


def clip_record(
    order: Order, clip: GeneratedClip, name: str, variant: Variant, model: ModelSpec
) -> dict[str, Any]:
    """Everything that made a clip, and a hash of its frames before compression.

    A generator that makes several clips together says in its details how many ``seconds`` one of them took.
    """
    details = dict(clip.details)
    measured = {"seconds": details.pop("seconds")} if "seconds" in details else {}
    count, height, width, _ = clip.frames.shape
    return {
        "variant": name,
        **record_entry(),
        **asdict(order),
        "model": describe_model(variant.generator, model),
        "guidance": variant.guidance.model_dump(mode="json"),
        "frames": count,
        "height": height,
        "width": width,
        "fps": clip.fps,
        "frames_hash": frames_hash(clip.frames),
        "generator": details,
        "tpige_version": __version__,
        **measured,
    }


def frames_hash(frames: Frames) -> str:
    """A hash of all pixels and their shape."""
    digest = hashlib.sha256(str(frames.shape).encode())
    digest.update(frames.tobytes())
    return digest.hexdigest()
