"""How many pictures of a person a generator gets: all, or as many as it accepts."""

from __future__ import annotations

import logging

import pandas as pd

from tpige_kedro.further import COLUMNS, NAMES, packed, unpacked
from tpige_kedro.models import declared
from tpige_kedro.schemas import ModelSpec
from tpige_kedro.video_generators.imported import is_imported
from tpige_kedro.weights.parts import class_options

logger = logging.getLogger(__name__)

SHOWN = 3  # samples named in one line


def most_references(model: ModelSpec) -> int:
    """How many pictures a request to the generator may hold: ``max_references`` of its class, or of the class that it runs; else one.

    >>> wan = "tpige_kedro.video_generators.wan_vace.WanVace"
    >>> most_references(ModelSpec(type=wan, licence="Apache-2.0", source="a/b"))
    4
    """
    paths = (model.type, *class_options(model).values())
    return max(int(declared(path, "max_references", 1)) for path in paths)


def with_further(samples: pd.DataFrame, name: str, model: ModelSpec) -> pd.DataFrame:
    """The samples with as many further pictures as the generator ``name`` takes; a warning says who has more."""
    if NAMES not in samples:
        return samples
    if is_imported(model):  # made elsewhere, nobody knows of what
        return samples.assign(**dict.fromkeys(COLUMNS, ""))
    most = most_references(model)
    found = [unpacked(cell) for cell in samples[NAMES]]
    more = [s for s, names in zip(samples["sample_id"], found, strict=True) if len(names) >= most]
    if not more:
        return samples
    several = f"the first {most}" if most > 1 else "the first alone"
    rest = f" and {len(more) - SHOWN} more" if len(more) > SHOWN else ""
    logger.warning(
        "models.%s takes %d reference picture%s: of %s%s, it gets %s",
        name, most, "s" * (most > 1), ", ".join(more[:SHOWN]), rest, several,
    )  # fmt: skip
    kept = {c: [packed(unpacked(cell)[: most - 1]) for cell in samples[c]] for c in COLUMNS}
    return samples.assign(**kept)
