"""Imports clips made elsewhere: copies them as they are, with a record, so that everything else works on them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from tpige_kedro.errors import SampleError
from tpige_kedro.execution.work import Job, Outcome, Result, Work, fingerprint, impossible
from tpige_kedro.models import load_model
from tpige_kedro.schemas import ModelSpec, Variant
from tpige_kedro.video_generators.imported import Imported, is_imported


def import_clips(
    samples: pd.DataFrame, variants: dict[str, Variant], models: dict[str, ModelSpec]
) -> Work:
    """Take in the clips of the variants that come from elsewhere; those that were generated here stay as they are.

    Returns:
        The work for ``clips``: ``<variant>/<sample_id>``.
    """
    sources = {name: models[variant.generator] for name, variant in variants.items()}
    imported = {name: model for name, model in sources.items() if is_imported(model)}
    rows = samples.to_dict("records")
    folders: dict[str, Imported] = {name: load_model(model) for name, model in imported.items()}
    jobs = [import_row(name, row, folder) for name, folder in folders.items() for row in rows]

    def produce(todo: list[Job]) -> Iterator[tuple[Job, Outcome]]:
        yield from ((job, import_outcome(job, imported[job.group])) for job in todo)

    return Work("imported_clips", jobs, produce, untouched=frozenset(sources) - set(imported))


def import_row(variant: str, row: Mapping[Any, Any], folder: Imported) -> Job:
    """The job of one clip. A file of the same size and time is the one that was taken in before: its bytes are not read."""
    sample, people = row["sample_id"], (row["person_id"],)
    key = f"{variant}/{sample}"
    try:
        file = folder.find(variant, sample)
    except SampleError as error:
        return impossible(key, error, variant, people)
    state = file.stat()
    mark = fingerprint(imported=[state.st_size, state.st_mtime_ns])
    return Job(key, mark, file, variant, people)


def import_outcome(job: Job, model: ModelSpec) -> Outcome:
    """The file as it is, and where it came from; how it was made is not known."""
    file: Path = job.request
    details: dict[str, Any] = {
        "variant": job.group,
        "sample_id": job.key.removeprefix(f"{job.group}/"),
        "imported_from": str(file),
        "maker": {"class": model.type, "source": model.source, "licence": model.licence},
    }
    return Result(file, details)
