"""Takes clips that were made elsewhere into the house: copied as they are, with a record, so that all else works on them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pandas as pd

from tpige_kedro import __version__
from tpige_kedro.errors import SampleError
from tpige_kedro.execution.local import Chunk, Job, Outcome, Result, fingerprint, work_off
from tpige_kedro.models import load_model
from tpige_kedro.pipelines.partitions import of_variant
from tpige_kedro.schemas import ModelSpec, Variant
from tpige_kedro.video_generators.imported import Imported, is_imported

BLOCK = 1 << 20


def clip_importer(name: str) -> Callable[..., Iterator[Chunk]]:
    """The node function that imports the clips of the variant ``name``, if that is where they come from."""

    def import_clips(
        *,
        samples: pd.DataFrame,
        completed: dict[str, str],
        variant: Variant,
        models: dict[str, ModelSpec],
    ) -> Iterator[Chunk]:
        """Yield clip files, then their records, then what is missing; nothing for a variant that is generated here."""
        model = models[variant.generator]
        if is_imported(model):
            done = of_variant(completed, name)
            yield from take_clips(f"imported_clips.{name}", name, samples, done, model)
        else:
            yield {}, {}, {}

    return import_clips


def take_clips(
    label: str,
    name: str,
    samples: pd.DataFrame,
    completed: Mapping[str, str],
    model: ModelSpec,
) -> Iterator[Chunk]:
    """Work off the import of one variant; a clip whose bytes have not changed is not touched."""
    folder: Imported = load_model(model)
    jobs = list(import_jobs(name, samples, folder))

    def produce(todo: list[Job]) -> Iterator[tuple[Job, Outcome]]:
        for job in todo:
            if isinstance(job.request, SampleError):
                yield job, job.request
            else:
                record = import_record(name, job.key, job.request, model)
                yield job, Result(job.request, record)

    yield from work_off(label, jobs, completed, produce)


def import_jobs(name: str, samples: pd.DataFrame, folder: Imported) -> Iterator[Job]:
    """A job per sample; its fingerprint is that of the file's bytes, its request the file, or the error that it is not there."""
    for sample in samples["sample_id"]:
        try:
            file = folder.find(name, sample)
        except SampleError as error:
            yield Job(sample, "impossible", error)
        else:
            yield Job(sample, fingerprint(imported=file_hash(file)), file)


def import_record(name: str, sample: str, file: Path, model: ModelSpec) -> dict[str, object]:
    """Where a clip came from; how it was made is not known. ``frames_hash`` is of the file: it is not decoded here."""
    return {
        "variant": name,
        "sample_id": sample,
        "imported_from": str(file),
        "frames_hash": file_hash(file),
        "model": {"type": model.type, "source": model.source, "licence": model.licence},
        "tpige_version": __version__,
    }


def file_hash(file: Path) -> str:
    """A hash of all bytes of a file."""
    digest = hashlib.sha256()
    with file.open("rb") as handle:
        while block := handle.read(BLOCK):
            digest.update(block)
    return digest.hexdigest()
