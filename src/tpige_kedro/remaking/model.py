"""Which model of conf a recipe means, and how it differs. A recipe only names a model; conf alone decides what is loaded."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tpige_kedro.errors import ModelError, TpigeError
from tpige_kedro.models import declared, find_source, missing_needs
from tpige_kedro.provenance.recipe import Recipe, RecipeModel
from tpige_kedro.provenance.recipe_models import recipe_model
from tpige_kedro.schemas import ModelSpec
from tpige_kedro.video_generators.imported import is_imported
from tpige_kedro.weights.local_files import missing_files

SHOWN = 60  # characters of a value in a message
NONE = "none"


def model_at_hand(recipe: Recipe, models: Mapping[str, ModelSpec]) -> tuple[str, ModelSpec]:
    """The entry of ``models`` that makes the clip: of the recipe's name and class, else one that is the same in all but its name.

    Raises:
        TpigeError: there is none, it is not here, or it differs; each difference is named with what to do.
    """
    wanted = recipe.model
    alike = [name for name, spec in models.items() if spec.type == wanted.type]
    alike.sort(key=lambda name: name != wanted.name)
    if not alike:
        raise TpigeError(
            f"no model in conf is of the class {wanted.type} ({wanted.name} in the recipe); name the environment that has it with --env"
        )
    problems: dict[str, list[str]] = {}
    for name in alike:
        problems[name] = _problems(name, models[name], recipe)
        if not problems[name]:
            return name, models[name]
    lines = "\n".join(f"  {problem}" for problem in problems[alike[0]])
    raise TpigeError(f"the clip cannot be made again as it was:\n{lines}")


def _problems(name: str, spec: ModelSpec, recipe: Recipe) -> list[str]:
    if recipe.seed is None or declared(spec.type, "paid", False) or is_imported(spec):
        return [
            f"models.{name} is a service or a folder that takes no seed: it never gives the same clip twice; kedro run requests new ones"
        ]
    if absent := _absent(spec):
        return [f"models.{name}: {absent}"]
    return [*differences(recipe.model, recipe_model(name, spec), recipe.environment.commit)]


def _absent(spec: ModelSpec) -> str:
    """What the model lacks on this machine, and what to do."""
    if missing := missing_needs(spec):
        return f"needs the environment variable {', '.join(missing)}; set it"
    try:
        if spec.source is not None:
            find_source(spec)
            return missing_files(spec)
    except ModelError as error:
        return str(error)
    return ""


def differences(theirs: RecipeModel, ours: RecipeModel, commit: str) -> Iterator[str]:
    """How the configured model differs from the one that made a clip, and what to do about each difference."""
    here = f"models.{ours.name}"
    if theirs.version != ours.version:
        yield (
            f"{here}: the clip is of version {_shown(theirs.version)} of {ours.type}, and this is version {_shown(ours.version)}, "
            f"which makes other frames; check out commit {commit[:12]}"
        )
    if (theirs.source, theirs.revision) != (ours.source, ours.revision):
        yield (
            f"{here}: the clip was made with the weights {_weights(theirs.model_dump())}, and here are {_weights(ours.model_dump())}; "
            "set source and revision to the former"
        )
    for part, (made, found) in _changed(theirs.parts, ours.parts):
        yield (
            f"{here}.options.{part}: the clip was made with {_weights(made)}, and here are {_weights(found)}; set the option so"
        )
    for option, (made, found) in _changed(theirs.runs, ours.runs):
        yield f"{here}.options.{option}: {_shown(made)} made the clip, and here is {_shown(found)}; set the option so"
    for option, (made, found) in _changed(theirs.options, ours.options):
        how = (
            "remove it"
            if made is None
            else f"set it so (--params=models.{ours.name}.options.{option}=…)"
        )
        yield f"{here}.options.{option}: {_shown(made)} in the recipe, {_shown(found)} here; {how}"


def _changed(
    theirs: Mapping[str, Any], ours: Mapping[str, Any]
) -> Iterator[tuple[str, tuple[Any, Any]]]:
    """The keys with other values; None where there is none."""
    for key in dict.fromkeys([*theirs, *ours]):
        if theirs.get(key) != ours.get(key):
            yield key, (theirs.get(key), ours.get(key))


def _weights(part: object) -> str:
    if not isinstance(part, Mapping):
        return _shown(part)
    revision = str(part.get("revision"))[:20]
    return f"{part['source']} at {revision}" if part.get("source") else revision


def _shown(value: object) -> str:
    if value is None:
        return NONE
    if isinstance(value, Mapping) and set(value) == {"sha256"}:
        return f"a value with the hash {str(value['sha256'])[:12]}"
    text = value if isinstance(value, str) else repr(value)
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}…"
