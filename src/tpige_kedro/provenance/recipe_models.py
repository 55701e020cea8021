"""A model as recipes name it: what decides its results, without a path, a key, or a word that conf has for this machine alone."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from tpige_kedro.models import model_identity
from tpige_kedro.provenance.recipe import RecipeModel
from tpige_kedro.schemas import ModelSpec
from tpige_kedro.services.secrets import known_secrets, scrubbed

LONGEST = 200  # characters of a value that is shown; a longer one is named by its hash
UNSHOWN = ("negative_prompt",)  # texts that are named by their hash
WEIGHTS = ("source", "revision")
PLACE = re.compile(r"[/\\~]|^\.|://")  # what a path or an address has


def recipe_model(name: str, spec: ModelSpec) -> RecipeModel:
    """The model ``name`` of ``models``. Raises :class:`ModelError` as :func:`.model_identity` does."""
    found = model_identity(spec)
    parts = {option: _weights(part) for option, part in found.get("parts", {}).items()}
    return RecipeModel(
        name=name,
        type=found["type"],
        version=found["version"],
        source=found["source"],
        revision=found["revision"],
        options={key: said(value, key) for key, value in found["options"].items()},
        parts=parts,
        runs=found.get("runs", {}),
    )


def said(value: Any, name: str = "") -> Any:
    """A value as a recipe has it: what is long, a path, an address or a negative prompt is named by its hash.

    >>> said(20), said("unipc"), said([832, 480])
    (20, 'unipc', [832, 480])
    >>> list(said("/home/ada/words.txt")), list(said("blurred", "negative_prompt"))
    (['sha256'], ['sha256'])
    """
    text = json.dumps(value, sort_keys=True, ensure_ascii=False)
    unshown = name in UNSHOWN or len(text) > LONGEST or any(map(PLACE.search, texts_in(value)))
    if unshown or scrubbed(text, known_secrets()) != text:
        return {"sha256": hashlib.sha256(text.encode()).hexdigest()}
    return value


def texts_in(value: Any) -> Iterator[str]:
    """All texts in a JSON value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield str(key)
            yield from texts_in(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from texts_in(inner)


def _weights(part: Any) -> Any:
    """Weights of an option, or a list of them: hub ids and hashes as they are, settings as :func:`said`."""
    if isinstance(part, list):
        return [_weights(entry) for entry in part]
    return {key: value if key in WEIGHTS else said(value, key) for key, value in part.items()}
