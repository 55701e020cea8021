"""The words of the page, from a YAML file: one that ships, or one of the user's own."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path
from string import Formatter
from typing import Any

import yaml

from tpige_kedro.errors import TpigeError
from tpige_kedro.nearest import nearest

HERE = "tpige_kedro.study.page"
ENDING = ".yml"
MODEL = "en"  # has every word


def languages() -> list[str]:
    """The languages that ship.

    >>> languages()
    ['de', 'en']
    """
    found = files(HERE).joinpath("languages").iterdir()
    return sorted(f.name.removesuffix(ENDING) for f in found if f.name.endswith(ENDING))


def read_language(language: str, questions: Sequence[str]) -> dict[str, Any]:
    """All words of a language, and the questions in their order.

    Args:
        language: one that ships, or the path of a YAML file (``.yml`` or ``.yaml``).
        questions: names under ``questions`` in that file.

    Raises:
        TpigeError: the file is not there or lacks something; names the key.

    >>> read_language("en", ["likeness"])["questions"]
    {'likeness': 'In which clip does the person look more like the person in the picture?'}
    """
    words = _read(language)
    model = _shipped(MODEL)
    for key, example in model.items():
        _check(language, key, words.get(key), example)
    unknown = sorted(words.keys() - model.keys())
    if unknown:
        raise TpigeError(
            f"study.language {language}: unknown key {unknown[0]}; correct or remove it"
        )
    asked = words["questions"]
    for name in questions:
        if name not in asked:
            raise TpigeError(
                f"study.questions: {language} has no words for {name} (it has {', '.join(asked)}); add {name} to its questions, "
                "or ask another"
            )
    return {**words, "questions": {name: asked[name] for name in questions}}


def complete(words: dict[str, Any]) -> dict[str, Any]:
    """The words of a study; what one that was drawn by an earlier version lacks is English.

    >>> complete({"left": "Links"})["left"], complete({"left": "Links"})["right"]
    ('Links', 'Right')
    """
    return {**_shipped(MODEL), **words}


def _read(language: str) -> dict[str, Any]:
    if not language.endswith((ENDING, ".yaml")):
        if language not in languages():
            near = nearest(language, languages())
            meant = f"did you mean {near}?" if near else f"there are {', '.join(languages())}"
            raise TpigeError(
                f"study.language: {language} is not known; {meant} (or give the path of a .yml)"
            )
        return _shipped(language)
    try:
        found = yaml.safe_load(Path(language).expanduser().read_text(encoding="utf-8"))
    except OSError as error:
        raise TpigeError(
            f"study.language: {language} cannot be read: {error.strerror}; correct the path"
        ) from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        cause = " ".join(str(error).split())
        raise TpigeError(
            f"study.language: {language} is not YAML in UTF-8: {cause}; correct it"
        ) from error
    if not isinstance(found, dict):
        raise TpigeError(f"study.language: {language} is not a mapping; copy the keys of en.yml")
    return found


@cache
def _shipped(language: str) -> dict[str, Any]:
    file = files(HERE).joinpath("languages", language + ENDING)
    found: dict[str, Any] = yaml.safe_load(file.read_text(encoding="utf-8"))
    return found


def _check(language: str, key: str, value: Any, example: Any) -> None:
    """A text for a text, with the same places to fill in; texts for a list or a mapping of texts."""
    where = f"study.language {language}: {key}"
    if value is None:
        raise TpigeError(f"{where} is missing; add it (in English: {example!r})")
    if type(value) is not type(example) or not value:
        kinds: dict[type, str] = {
            str: "a text",
            list: "a list of texts",
            dict: "a mapping of texts",
        }
        kind = kinds[type(example)]
        raise TpigeError(f"{where} must be {kind}, and not empty; correct it")
    values = list(value.values()) if isinstance(value, dict) else value
    if isinstance(values, list) and not all(isinstance(each, str) and each for each in values):
        raise TpigeError(f"{where} holds something that is not a text; put it into quotes")
    if isinstance(value, str) and _places(value, where) != _places(example, where):
        places = (
            ", ".join(f"{{{p}}}" for p in sorted(_places(example, where))) or "nothing in braces"
        )
        raise TpigeError(f"{where} must hold {places}; correct it")


def _places(text: str, where: str) -> set[str]:
    try:
        return {name for _, name, _, _ in Formatter().parse(text) if name is not None}
    except ValueError as error:
        raise TpigeError(f"{where}: {error}; correct its braces") from error
