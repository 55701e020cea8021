"""Makes the clip of a recipe with the configured model, and compares its frames with the original's."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tpige_kedro.datasets.mp4 import Mp4Dataset
from tpige_kedro.datasets.mp4_encoding import encode_clip
from tpige_kedro.errors import TpigeError
from tpige_kedro.execution.threads import processors
from tpige_kedro.files.atomic import save_atomically
from tpige_kedro.models import load_model
from tpige_kedro.pipelines.generation_variants.writing import hashed
from tpige_kedro.provenance.recipe import Recipe, RecipeEnvironment, surroundings
from tpige_kedro.schemas import Guidance, ModelSpec, Provenance
from tpige_kedro.video_generators.protocol import ClipRequest, GeneratedClip

if TYPE_CHECKING:
    from PIL.Image import Image

DEFAULT = "the default"


def make_clip(
    recipe: Recipe, model: ModelSpec, references: tuple[Image, ...], to: Path, mark: Provenance
) -> Recipe:
    """Generate the clip and save it as ``to``, with its own recipe, which is returned.

    Raises:
        TpigeError: the model refuses the guidance, or cannot make the clip.
    """
    assert recipe.seed is not None
    with as_many_threads(recipe.environment.threads):
        generator = load_model(model)
        request = ClipRequest(recipe.sample_id, recipe.prompt, references, recipe.seed)
        clip = _generated(generator, request, recipe.guidance or Guidance())
        seen, made = hashlib.sha256(str(clip.shape).encode()), recipe

        def text() -> str:
            nonlocal made
            made = _changed(recipe, clip, seen.hexdigest(), model)
            return made.text()

        groups = hashed(clip.groups(), seen.update)
        facts = (clip.shape, clip.fps, recipe.prompt, mark, recipe.crf, text)
        encoded = encode_clip(groups, *facts)
    save_atomically(to, lambda temporary: Mp4Dataset(filepath=str(temporary)).save(encoded))
    return made


def _generated(generator: Any, request: ClipRequest, guidance: Guidance) -> GeneratedClip:
    try:
        _, outcome = next(iter(generator.generate([request], guidance)))
    except ValueError as error:  # names key and value
        raise TpigeError(f"the guidance of the recipe does not fit the model: {error}") from error
    if isinstance(outcome, Exception):
        raise outcome
    clip: GeneratedClip = outcome
    return clip


def _changed(recipe: Recipe, clip: GeneratedClip, frames_hash: str, model: ModelSpec) -> Recipe:
    count, height, width, _ = clip.shape
    new = {"frames": count, "height": height, "width": width, "fps": clip.fps}
    made_here = {"frames_hash": frames_hash, "environment": surroundings(model, clip.details)}
    return recipe.model_copy(update={**new, **made_here})


@contextmanager
def as_many_threads(count: int | None) -> Iterator[None]:
    """Let torch use as many threads as when the clip was made, if there are: sums are rounded otherwise with another number."""
    if count is None:
        yield
        return
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(min(count, processors()) if count > before else count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def other_surroundings(theirs: RecipeEnvironment, ours: RecipeEnvironment) -> str:
    """What was different when the clip was made, as a reason for frames that differ; empty if nothing was.

    >>> one = RecipeEnvironment.model_construct(torch="2.9.0", device="cpu", run={"batch_size": 4})
    >>> other_surroundings(one, one.model_copy(update={"torch": "2.8.0", "run": {}}))
    'torch 2.9.0, here 2.8.0; batch_size 4, here the default'
    """
    old, new = _flat(theirs), _flat(ours)
    found = [
        f"{name} {old.get(name, DEFAULT)}, here {new.get(name, DEFAULT)}"
        for name in dict.fromkeys([*old, *new])
        if old.get(name, DEFAULT) != new.get(name, DEFAULT)
    ]
    return "; ".join(found)


def _flat(environment: RecipeEnvironment) -> dict[str, Any]:
    return {**environment.model_dump(exclude={"run"}), **environment.run}
