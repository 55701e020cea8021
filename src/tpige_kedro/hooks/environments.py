"""Environments that extend others: ``conf/<name>/environment.yml`` says ``extends: <other>``, and the folder only what differs.

A run reads the base, then what its environment extends, then the environment; what is read later counts.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import yaml

from tpige_kedro.hooks.errors import RunStopped
from tpige_kedro.nearest import advice

FILE = "environment.yml"
BASE = "base"
DEFAULT = "local"  # the environment of a run without --env
KEYS = ("extends", "description")
REMOVABLE = (
    "variants",
    "models",
)  # sections of the parameters from which a later environment may remove an entry by null


def layers(
    env: str,
    said: Callable[[str], Mapping[str, Any]],
    known: Collection[str] | None,
    base: str = BASE,
) -> tuple[str, ...]:
    """The environments that a run of ``env`` reads, the base first.

    Args:
        env: the environment of the run.
        said: what ``environment.yml`` of an environment says; nothing if it has none.
        known: the environments that exist, None if that cannot be found out.
        base: the one that all build on.

    Raises:
        RunStopped: a circle, an environment that does not exist, or a key or value of ``environment.yml`` that is wrong.

    >>> files = {"mine": {"extends": "paper"}, "paper": {"extends": "photos"}}
    >>> layers("mine", lambda name: files.get(name, {}), {"mine", "paper", "photos"})
    ('base', 'photos', 'paper', 'mine')
    """
    return tuple(reversed([*ancestry(env, said, known, base)]))


def ancestry(
    env: str,
    said: Callable[[str], Mapping[str, Any]],
    known: Collection[str] | None,
    base: str = BASE,
) -> Iterator[str]:
    """``env``, what it extends, what that extends, and the base; raises at the first mistake, after what is right."""
    passed: list[str] = []
    name: str | None = env
    while name is not None:
        passed.append(name)
        yield name
        name = _next(passed, said(name), known, base)


def _next(
    passed: list[str], entry: Mapping[str, Any], known: Collection[str] | None, base: str
) -> str | None:
    """What the last of ``passed`` extends; None for the base."""
    name, parent = passed[-1], _parent(passed[-1], entry, base)
    if parent in passed:
        circle = " -> ".join([*passed[passed.index(parent) :], parent])
        raise _stopped(name, f"extends forms a circle ({circle}); remove one of these lines")
    if parent is not None and known is not None and parent not in {base, *known}:
        meant = advice(parent.rpartition("/")[2], known)
        raise _stopped(name, f"extends: no environment {parent!r}; {meant}")
    return parent


def _parent(name: str, entry: Mapping[str, Any], base: str) -> str | None:
    """What an environment extends, the base if it does not say; None for the base. Checks the keys of its file."""
    for key, value in entry.items():
        if key not in KEYS:
            raise _stopped(name, f"{key}: unknown key; {advice(str(key), KEYS)}")
        if not isinstance(value, str) or not value.strip():
            wanted = "the name of one environment" if key == "extends" else "a line of text"
            raise _stopped(name, f"{key}: {value!r} is not {wanted}; write one, or remove the key")
    if name != base:
        return str(entry.get("extends", base))
    if "extends" in entry:
        raise _stopped(base, f"extends: every environment builds on {base}; remove the line")
    return None


def _stopped(name: str, problem: str) -> RunStopped:
    return RunStopped(f"conf/{name}/{FILE}: {problem}")


def environment_names(conf: Path) -> list[str] | None:
    """The environments in a folder of configuration (hidden folders are none, as for Kedro); None if it is no local folder."""
    if not conf.is_dir():
        return None
    return sorted(f.name for f in conf.iterdir() if f.is_dir() and not f.name.startswith("."))


def readable_layers(conf: Path, env: str | None) -> tuple[str, ...]:
    """The layers of ``env`` up to the first mistake: for messages about files that could not be read."""
    found: list[str] = []
    with suppress(RunStopped):
        for name in ancestry(env or DEFAULT, lambda n: _said(conf / n), environment_names(conf)):
            found.append(name)
    return tuple(dict.fromkeys([BASE, *reversed(found)]))


def _said(folder: Path) -> Mapping[str, Any]:
    try:
        entry = yaml.safe_load((folder / FILE).read_text("utf-8"))
    except (OSError, ValueError, yaml.YAMLError):  # a check of its own says so
        return {}
    return entry if isinstance(entry, dict) else {}
