"""Which files a model needs of which place, as its class declares them: what is downloaded, looked at before a run, and loaded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tpige_kedro.declarations import declared
from tpige_kedro.schemas import ModelSpec
from tpige_kedro.weights.lists import file_of, is_entry, weight_lists

SOURCE = "source"


@dataclass(frozen=True)
class Part:
    """The files that a model needs of one place.

    ``option`` names the place in the entry (``source``, ``base``, ``lora``), ``place`` is a path or hub id, ``revision`` what pins
    a hub id. ``files`` are patterns relative to the place, as :mod:`fnmatch` reads them; empty: the place is a single file or
    everything in it counts.
    """

    option: str
    place: str
    revision: str | None
    files: tuple[str, ...] = ()


def parts_of(spec: ModelSpec) -> tuple[Part, ...]:
    """The parts of a model: its ``source``, the places that its options name, and those that they list.

    A class declares ``files``: patterns for each option that names a place. ``{name}`` in a pattern stands for the value of another
    option. An entry ``"source with base"`` counts instead of ``"source"`` where the option ``base`` is given; of several such entries
    the first one counts.
    """
    if not declared(spec.type, "source_is_weights", True):
        return ()
    patterns: Mapping[str, tuple[str, ...]] = declared_by_all(spec, "files")
    places = {SOURCE: spec.source, **weight_options(spec)}
    named = tuple(
        Part(option, place, _revision(spec, option), files_of(patterns, option, spec.options))
        for option, place in places.items()
        if place
    )
    return named + tuple(
        Part(f"{option}[{i}]", entry["source"], entry.get("revision"), file_of(entry))
        for option, entries in weight_lists(spec).items()
        for i, entry in enumerate(entries)
        if is_entry(entry)
    )


def class_options(spec: ModelSpec) -> dict[str, str]:
    """The options that name a class, each with its dotted path."""
    names = declared(spec.type, "class_options", ())
    return {name: spec.options[name] for name in names if name in spec.options}


def declared_by_all(spec: ModelSpec, name: str) -> dict[str, Any]:
    """The mapping ``name`` that the class of ``spec`` declares, with those of the classes that its options name."""
    found: dict[str, Any] = {}
    for path in (spec.type, *class_options(spec).values()):
        found |= declared(path, name, {})
    return found


def weight_options(spec: ModelSpec) -> dict[str, str]:
    """The options that name further weights, each with its folder, file or hub id."""
    known = declared_by_all(spec, "weight_options")
    chosen = {name: spec.options.get(name, default) for name, default in known.items()}
    return {name: source for name, source in chosen.items() if source}


def _revision(spec: ModelSpec, option: str) -> str | None:
    return spec.revision if option == SOURCE else spec.options.get(f"{option}_revision")


def files_of(
    patterns: Mapping[str, tuple[str, ...]], option: str, options: Mapping[str, Any]
) -> tuple[str, ...]:
    """The patterns of the place that ``option`` names, as the ``files`` of a class have them.

    >>> files_of({"source with weights": ("{weights}",)}, "source", {"weights": "wan.pth"})
    ('wan.pth',)
    """
    special = (key for key in patterns if key.startswith(f"{option} with "))
    key = next((k for k in special if options.get(k.rpartition(" ")[2])), option)
    return tuple(pattern.format(**options) for pattern in patterns.get(key, ()))
