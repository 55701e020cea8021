"""The recipe inside a clip: everything that decided its frames, as JSON in its XMP, without paths, keys or the photo.

``kedro remake`` reads it. Whoever reads it takes it as data from a stranger: it is checked, compared, and nothing in it is imported or
opened.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, JsonValue, ValidationError, field_validator

from tpige_kedro.errors import ClipError
from tpige_kedro.provenance.versions import environment
from tpige_kedro.provenance.xmp import recipe_in
from tpige_kedro.schemas import SAFE_ID, Guidance, ModelSpec, Name, Settings
from tpige_kedro.weights.sources import HUB_ID

VERSION: Literal[1] = 1  # raise it when a recipe says something else than before
MOST_BYTES = 64 << 10  # of a recipe
# of the options that decide no fingerprint, those by which the last digits of a sum may differ
ROUNDING = ("batch_size", "parallel", "compile", "compile_vae", "vae_convolutions")
LONGEST_NAME = 80  # characters of a key in a message
REMEDY = "use the clip as it was made, not a copy that was edited or converted"

Text = Annotated[str, Field(max_length=20_000)]
Short = Annotated[str, Field(max_length=300)]
Pixels = Annotated[int, Field(gt=0, le=1 << 16)]
Hash = Annotated[str, Field(pattern=r"^[0-9a-f]{32,64}$")]


class RecipeModel(Settings):
    """The generator: its key in ``models``, class and ``version``, weights, and the options that decide its results.

    ``source`` is a hub id, None for local weights; ``revision`` is its commit, for local weights a hash of their content.
    """

    name: Name
    type: Short
    version: JsonValue
    source: Short | None = None
    revision: Short | None = None
    options: dict[str, JsonValue] = Field(default_factory=dict)
    parts: dict[str, JsonValue] = Field(default_factory=dict)
    runs: dict[str, JsonValue] = Field(default_factory=dict)

    @field_validator("source")
    @classmethod
    def _is_a_hub_id(cls, source: str | None) -> str | None:
        if source is not None and (
            not HUB_ID.match(source) or set(source.split("/")) & {".", ".."}
        ):
            raise ValueError("it must be a hub id (owner/name) or null, never a path")
        return source


class RecipeReference(Settings):
    """A reference picture by its hash: of the pixels of a photo (``original``), of the file of a redrawn one (``enhanced``)."""

    source: Literal["original", "enhanced"]
    hash: Hash


class RecipeEnvironment(Settings):
    """Code and libraries that made the clip, and on what: none of it should change its frames by more than rounding.

    ``threads`` are those of torch, ``run`` the options of the model that say how it computes, not what.
    """

    commit: Short
    dirty: bool | Literal["unknown"]
    tpige_kedro: Short
    python: Short
    torch: Short | None
    diffusers: Short | None
    transformers: Short | None
    device: Short
    threads: Annotated[int, Field(ge=1, le=1024)] | None = None
    run: dict[str, JsonValue] = Field(default_factory=dict)


class Recipe(Settings):
    """What a clip was made of. ``seed`` and ``guidance`` are None where the model takes none.

    ``frames_hash`` is of the frames (T, H, W, 3) before compression, ``prompt`` the one that the model was given.
    """

    recipe: Literal[1]
    sample_id: Annotated[str, Field(pattern=SAFE_ID)]
    variant: Name
    model: RecipeModel
    prompt: Text
    references: Annotated[tuple[RecipeReference, ...], Field(min_length=1, max_length=64)]
    seed: Annotated[int, Field(ge=0, lt=1 << 64)] | None
    guidance: Guidance | None
    frames: Pixels
    height: Pixels
    width: Pixels
    fps: Annotated[float, Field(gt=0, le=1000)]
    crf: Annotated[int, Field(ge=0, le=51)]
    frames_hash: Hash
    environment: RecipeEnvironment

    @field_validator("recipe", mode="before")
    @classmethod
    def _is_a_number(cls, version: object) -> Any:
        if type(version) is not int:  # true is 1 otherwise
            raise ValueError("it is not a version number")
        return version

    def text(self) -> str:
        """The recipe as one line of ASCII, which XML and every player can carry. Raises ``ValueError`` if it is too long."""
        text = json.dumps(self.model_dump(mode="json"), separators=(",", ":"), allow_nan=False)
        if len(text) > MOST_BYTES:
            raise ValueError(f"the recipe has {len(text):,} bytes, at most {MOST_BYTES:,} fit")
        return text


def read_recipe(file: Path) -> Recipe:
    """The recipe in a clip.

    Raises:
        ClipError: there is none, or it is not one that this version reads; ``remedy`` says what to do.
    """
    text = recipe_in(file)
    if not text:
        raise ClipError(
            "carries no recipe: it was not made by this project, is older than recipes are, or was converted by a program that drops them",
            "make the clip again with kedro run",
        )
    return parse_recipe(text)


def parse_recipe(text: str) -> Recipe:
    """A recipe from its JSON. Raises :class:`ClipError` saying what is wrong with it."""
    from pydantic_core import from_json

    if len(text) > MOST_BYTES:
        raise ClipError(
            f"carries a recipe of {len(text):,} characters, which is not one of ours", REMEDY
        )
    try:
        content = from_json(text, allow_inf_nan=False)
    except ValueError as error:
        raise ClipError(f"carries a recipe that is not JSON ({error})", REMEDY) from error
    said = content.get("recipe") if isinstance(content, Mapping) else None
    if type(said) is int and said > VERSION:
        raise ClipError(
            f"carries a recipe of version {said}, and this project reads versions up to {VERSION}",
            "install a newer tpige_kedro",
        )
    try:
        return Recipe.model_validate_json(text, strict=True)
    except ValidationError as error:
        raise ClipError(
            f"carries a recipe that was edited ({first_problem(error)})", REMEDY
        ) from error


def surroundings(model: ModelSpec, details: Mapping[str, Any]) -> RecipeEnvironment:
    """The code, the libraries and the device of this process, and with how many threads torch computes in it.

    ``details`` are what the generator says of a clip: one that names no ``dtype`` does not compute with torch, which may be loaded
    all the same.
    """
    torch = sys.modules.get("torch") if "dtype" in details else None
    threads = torch.get_num_threads() if torch is not None else None
    run = {name: model.options[name] for name in ROUNDING if name in model.options}
    return RecipeEnvironment(**environment(), threads=threads, run=run)


def first_problem(error: ValidationError) -> str:
    """The first thing that is wrong with a recipe, in a few words."""
    problem: Any = error.errors(include_url=False, include_input=False)[0]
    where = ".".join(str(part) for part in problem["loc"])[:LONGEST_NAME]
    more = error.error_count() - 1
    return f"{where or 'recipe'}: {problem['msg']}" + (f", and {more} more" if more else "")
