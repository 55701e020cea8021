"""Checks a mapping from conf against a pydantic model, and says each problem in one line with its whole key."""

from __future__ import annotations

import json
import types
from collections.abc import Mapping
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError

from tpige_kedro.nearest import advice

Model = TypeVar("Model", bound=BaseModel)
SHOWN = 60  # characters of a value
WORDS = {"an object": "a mapping (key: value)", "a valid array": "a list", "a valid dictionary": "a mapping (key: value)"}  # fmt: skip
SCALARS = ("int_type", "float_type", "bool_type")


def validated(model: type[Model], value: Any) -> Model:
    """``value`` as ``model``, strictly: a number in quotes is a text, ``true`` is no number; a list may stand for a tuple.

    Raises:
        ValidationError: as pydantic says it; see :func:`lines`.
    """
    return model.model_validate_json(json.dumps(value, default=str), strict=True)


def lines(model: type[BaseModel], error: ValidationError, prefix: str = "") -> list[str]:
    """One line for each problem: its key below ``prefix``, what is wrong, and what was given or probably meant."""
    found = [_line(model, dict(problem), prefix) for problem in error.errors()]
    return [line for text in found for line in text.splitlines()]


def _line(model: type[BaseModel], problem: dict[str, Any], prefix: str) -> str:
    loc = tuple(problem["loc"])
    message = problem["msg"].removeprefix("Value error, ")
    if problem["type"] == "extra_forbidden":
        message = f"unknown key; {advice(str(loc[-1]), known_keys(model, loc[:-1]))}"
    elif problem["type"] == "missing":
        message = "this key is required"
    elif loc and loc[-1] == "[key]":
        loc, message = loc[:-1], "a name is letters, digits and _, and begins with a letter"
    else:
        for theirs, ours in WORDS.items():
            message = message.replace(theirs, ours)
        message += _given(problem)
    key = ".".join(filter(None, [prefix, *map(str, loc)]))
    if (
        problem["type"] == "value_error" and prefix
    ):  # of a whole model: the message begins with the key
        name, colon, rest = message.partition(": ")
        if colon and name.isidentifier():
            key, message = (key if loc and loc[-1] == name else f"{key}.{name}"), rest
    return f"{key}: {message}" if key else message


def _given(problem: Mapping[str, Any]) -> str:
    value = problem["input"]
    if not isinstance(value, str | int | float | bool | list | None) or (
        problem["type"] == "value_error" and not isinstance(value, str | int | float)
    ):
        return ""
    shown = repr(value) if isinstance(value, str) else json.dumps(value)
    hint = ""
    if problem["type"] in SCALARS and isinstance(value, str) and _is_scalar(value):
        hint = "; write it without quotes"
    return f" (given: {shown[:SHOWN]}{'…' if len(shown) > SHOWN else ''}){hint}"


def _is_scalar(text: str) -> bool:
    try:
        return isinstance(json.loads(text.strip().lower()), int | float)
    except ValueError:
        return False


def known_keys(model: Any, loc: tuple[Any, ...]) -> list[str]:
    """The keys that the model at ``loc`` inside ``model`` has."""
    for part in loc:
        model = _inside(model, part)
    return list(model.model_fields) if _is_model(model) else []


def _inside(annotation: Any, part: Any) -> Any:
    """The type of the item ``part`` of a value of type ``annotation``."""
    if _is_model(annotation):
        field = annotation.model_fields.get(str(part))
        return None if field is None else _plain(field.annotation)
    arguments = get_args(annotation)
    return _plain(arguments[-1] if get_origin(annotation) is dict else arguments[0]) if arguments else None  # fmt: skip


def _plain(annotation: Any) -> Any:
    """The type itself, without ``Annotated`` and ``None``; of a union its model."""
    if get_origin(annotation) is Annotated:
        return _plain(get_args(annotation)[0])
    if get_origin(annotation) in {Union, types.UnionType}:
        members = [a for a in get_args(annotation) if a is not type(None)]
        return _plain(next((a for a in members if _is_model(a)), members[0]))
    return annotation


def _is_model(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)
