"""How much a run will write: an estimate by the number of items that are left and a measured size of each."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from kedro.io import DatasetError
from kedro.pipeline import Pipeline

from tpige_kedro.datasets import ItemFolder
from tpige_kedro.options import options_model
from tpige_kedro.schemas import ModelSpec, Parameters

if TYPE_CHECKING:
    from kedro.io import DataCatalog

logger = logging.getLogger(__name__)

# Measured with three films (animation, sports, a face) at the quality that clips are saved in: 0.07 to 0.10 bytes a pixel and frame at
# 832 x 480, noise 0.79; frames as PNG: 1.2 to 2.1 bytes a pixel at 150 and 240 lines, 0.6 to 1.2 at 1024.
CLIP, PICTURE = 0.1, 2.0
USUAL = {"height": 480, "width": 832, "num_frames": 81}  # of a generator that does not say
REPORT_LINES = ((240, 1), (150, 2))  # heights of the frames on strips, and on two kinds of sheets


@dataclass(frozen=True)
class Writes:
    """``count`` items of about ``size`` bytes each that a run adds to a folder."""

    what: str
    count: int
    size: int
    folder: Path

    @property
    def total(self) -> int:
        """Bytes of all."""
        return self.count * self.size


def expected_writes(
    pipeline: Pipeline, parameters: Parameters, generators: Mapping[str, str], catalog: DataCatalog
) -> list[Writes]:
    """What a run adds: clips, enhanced references, and the pictures of the report. Items that exist are replaced, and add nothing.

    ``generators`` are the variants that this run makes, each with its model. Samples that will be refused count too.
    """
    samples = _sample_count(pipeline, catalog)
    if not samples:
        return []
    made = pipeline.all_outputs()
    found = list(_clips(samples, parameters, generators, catalog)) if "clips" in made else []
    if "enhanced_references" in made:
        spec = parameters.models[parameters.reference_enhancement.editor]
        found += _items("enhanced_references", samples, picture_bytes(spec), catalog)
    if "strips" in made:
        found += _report(samples, parameters, generators, catalog)
    return found


def clip_bytes(spec: ModelSpec) -> float:
    """About how large a clip of this generator is."""
    height, width, frames = _geometry(spec)
    return height * width * frames * CLIP


def picture_bytes(spec: ModelSpec) -> float:
    """About how large a picture of this editor is."""
    height, width, _ = _geometry(spec)
    return height * width * PICTURE


def _clips(
    samples: int, parameters: Parameters, generators: Mapping[str, str], catalog: DataCatalog
) -> Iterator[Writes]:
    for variant, model in generators.items():
        size = clip_bytes(parameters.models[model])
        yield from _items("clips", samples, size, catalog, variant)


def _report(
    samples: int, parameters: Parameters, generators: Mapping[str, str], catalog: DataCatalog
) -> Iterator[Writes]:
    for variant, model in generators.items():
        height, width, _ = _geometry(parameters.models[model])
        shown = (min(lines, height) ** 2 * width / height * times for lines, times in REPORT_LINES)
        size = sum(shown) * parameters.reporting.frames * PICTURE
        yield from _items("strips", samples, size, catalog, variant)


def _items(
    name: str, samples: int, size: float, catalog: DataCatalog, variant: str = ""
) -> Iterator[Writes]:
    """The items of a folder that are not there yet."""
    dataset = catalog.get(name)
    if not isinstance(dataset, ItemFolder):
        return
    folder = dataset.path / variant
    if (left := samples - _finished(folder)) > 0:
        yield Writes(name, left, round(size), folder)


def _finished(folder: Path) -> int:
    """How many records there are: each comes with its output."""
    if not folder.is_dir():
        return 0
    names = (entry.name for entry in os.scandir(folder))
    return sum(name.endswith(".json") and not name.startswith("_") for name in names)


def _geometry(spec: ModelSpec) -> tuple[int, int, int]:
    """Height, width and frames: of the options, else of the class, else usual ones."""
    fields = options_model(spec.type, spec.options).model_fields
    sizes = []
    for name, usual in USUAL.items():
        default = fields[name].default if name in fields else None
        value = spec.options.get(name, default)
        sizes.append(value if isinstance(value, int) else usual)
    height, width, frames = sizes
    return height, width, frames


def _sample_count(pipeline: Pipeline, catalog: DataCatalog) -> int:
    """How many samples a run has; 0 if it reads none, or if they cannot be read, which the run itself reports."""
    name = next((n for n in ("samples", "checked_samples") if n in pipeline.inputs()), None)
    dataset = catalog.get(name) if name else None
    if dataset is None or not dataset.exists():
        return 0
    try:
        return len(dataset.listed() if hasattr(dataset, "listed") else dataset.load())
    except DatasetError as error:
        logger.debug("no estimate of what the run writes: %s", error)
        return 0
