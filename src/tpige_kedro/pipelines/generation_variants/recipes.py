"""The recipe that a clip carries: everything in its record that decided its frames, and nothing about this machine."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import ValidationError

from tpige_kedro.datasets.mp4_encoding import CRF
from tpige_kedro.further import further_pictures
from tpige_kedro.models import declared
from tpige_kedro.provenance.recipe import (
    VERSION,
    Recipe,
    RecipeReference,
    first_problem,
    surroundings,
)
from tpige_kedro.provenance.recipe_models import recipe_model
from tpige_kedro.schemas import ModelSpec, Variant
from tpige_kedro.services.secrets import known_secrets, scrubbed
from tpige_kedro.video_generators.protocol import GeneratedClip

logger = logging.getLogger(__name__)


def recipe_text(
    row: Mapping[str, Any],
    clip: GeneratedClip,
    frames_hash: str,
    variant: Variant,
    model: ModelSpec,
) -> str:
    """The recipe of a clip; ``row`` is that of the plan. Empty, with a word in the log, for one that does not fit."""
    try:
        return recipe_of(row, clip, frames_hash, variant, model).text()
    except ValueError as error:
        problem = first_problem(error) if isinstance(error, ValidationError) else str(error)
        logger.warning("%s/%s carries no recipe: %s", row["variant"], row["sample_id"], problem)
        return ""


def recipe_of(
    row: Mapping[str, Any],
    clip: GeneratedClip,
    frames_hash: str,
    variant: Variant,
    model: ModelSpec,
) -> Recipe:
    """What decided the frames of a clip. A service that takes no seed and no guidance has none in its recipe."""
    count, height, width, _ = clip.shape
    takes_seed = declared(model.type, "takes_seed", True)
    return Recipe(
        recipe=VERSION,
        sample_id=row["sample_id"],
        variant=row["variant"],
        model=recipe_model(variant.generator, model),
        prompt=scrubbed(row["prompt"], known_secrets()),
        references=tuple(references_of(row)),
        seed=int(row["seed"]) if takes_seed else None,
        guidance=variant.guidance if declared(model.type, "takes_guidance", True) else None,
        frames=count,
        height=height,
        width=width,
        fps=clip.fps,
        crf=CRF,
        frames_hash=frames_hash,
        environment=surroundings(model, clip.details),
    )


def references_of(row: Mapping[str, Any]) -> Iterator[RecipeReference]:
    """The pictures that the generator was given, in their order; the further ones are as the user has them."""
    yield RecipeReference(source=row["reference_source"], hash=row["reference_hash"])
    for _, mark in further_pictures(row):
        yield RecipeReference(source="original", hash=mark)
