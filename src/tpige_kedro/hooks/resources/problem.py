"""A problem of some models, so that others can decide what becomes of these models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Problem:
    """Why the models of these names cannot work, and what to do; ``missing`` if they, or a key, are not there.

    >>> print(Problem(("vace",), "models.vace (variants.vace.generator): no key"))
    models.vace (variants.vace.generator): no key
    """

    models: tuple[str, ...]
    text: str
    missing: bool = False

    def __str__(self) -> str:
        return self.text


def problem_of(
    names: Sequence[str], needed: Mapping[str, str], text: str, missing: bool = False
) -> Problem:
    """A problem that names models, each with the parameter that names it in turn.

    >>> print(problem_of(["a"], {"a": "scoring.scorers"}, "no key"))
    models.a (scoring.scorers): no key
    """
    places = ", ".join(f"models.{name} ({needed[name]})" for name in names)
    return Problem(tuple(names), f"{places}: {text}", missing)
