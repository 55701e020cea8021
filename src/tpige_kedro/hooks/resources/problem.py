"""A problem of some models, as data, so that other code can decide what to do about these models."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Problem:
    """Why the models of these names cannot work, and what to do; ``who`` names them as the user knows them.

    ``missing``: they, a key or a server are not there, so that others may go on without them.

    >>> print(Problem(("vace",), "models.vace (variants.vace.generator)", "no key"))
    models.vace (variants.vace.generator): no key
    """

    models: tuple[str, ...]
    who: str
    reason: str
    missing: bool = False

    def __str__(self) -> str:
        return f"{self.who}: {self.reason}"


def problem_of(
    names: Sequence[str],
    needed: Mapping[str, str],
    reason: str,
    detail: str = "",
    missing: bool = False,
) -> Problem:
    """A problem that names models, each with the parameter that names it in turn; ``detail`` follows them.

    >>> print(problem_of(["a"], {"a": "scoring.scorers"}, "no GPU", " of 5 GiB"))
    models.a (scoring.scorers) of 5 GiB: no GPU
    """
    who = ", ".join(f"models.{name} ({needed[name]})" for name in names)
    return Problem(tuple(names), f"{who}{detail}", reason, missing)


def listed(problems: Iterable[Problem]) -> list[str]:
    """The problems as lines; those with the same reason, as without a network, are one line.

    >>> listed([Problem(("a",), "models.a", "no GPU"), Problem(("b",), "models.b", "no GPU")])
    ['models.a, models.b: no GPU']
    """
    by_reason: dict[str, list[str]] = {}
    for problem in problems:
        by_reason.setdefault(problem.reason, []).append(problem.who)
    return [f"{', '.join(dict.fromkeys(who))}: {reason}" for reason, who in by_reason.items()]
