"""Options that list weights, such as LoRAs: each entry has a ``source``, perhaps the file in it (``weights``), a ``revision``, a scale."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeGuard

from tpige_kedro.declarations import declared
from tpige_kedro.schemas import ModelSpec
from tpige_kedro.weights.hub import resolved_commit
from tpige_kedro.weights.sources import is_local, local_path

Entry = Mapping[str, Any]
PLACE = frozenset({"source", "revision", "weights"})  # of an entry; what else it has are settings


def weight_lists(spec: ModelSpec) -> dict[str, Sequence[Any]]:
    """The options of ``spec`` that list weights, as conf has them.

    A class names such options in ``weight_lists``, and so does a class that an option names.
    """
    inner = [spec.options.get(name) for name in declared(spec.type, "class_options", ())]
    names = [
        name
        for path in (spec.type, *filter(None, inner))
        for name in declared(path, "weight_lists", ())
    ]
    lists = {name: spec.options.get(name) for name in names}
    return {
        name: entries
        for name, entries in lists.items()
        if isinstance(entries, Sequence) and not isinstance(entries, str)
    }


def is_entry(entry: object) -> TypeGuard[Entry]:
    """Whether ``entry`` names a place; others are left to the check of the options."""
    return (
        isinstance(entry, Mapping)
        and bool(entry.get("source"))
        and isinstance(entry["source"], str)
    )


def file_of(entry: Entry) -> tuple[str, ...]:
    """The file in the place, if the entry names one.

    >>> file_of({"source": "owner/name", "weights": "fast.safetensors", "scale": 0.5})
    ('fast.safetensors',)
    """
    return (entry["weights"],) if entry.get("weights") else ()


def weights_of(entry: Entry) -> str:
    """What decides the identity of an entry: the local file or folder, else the hub id."""
    source: str = entry["source"]
    return str(local_path(source).joinpath(*file_of(entry))) if is_local(source) else source


def settings_of(entry: Entry) -> dict[str, Any]:
    """What else decides what the weights do: the file in a repository, and the settings."""
    settings = {key: value for key, value in entry.items() if key not in PLACE}
    inside = (
        {} if is_local(entry["source"]) else dict(zip(("weights",), file_of(entry), strict=False))
    )
    return {**inside, **settings}


def lists_to_load(spec: ModelSpec) -> dict[str, list[Any]]:
    """The options that list weights, with ``~`` written out and hub ids at the commits that records name."""
    return {
        name: [_to_load(entry) if is_entry(entry) else entry for entry in entries]
        for name, entries in weight_lists(spec).items()
    }


def _to_load(entry: Entry) -> dict[str, Any]:
    source, revision = entry["source"], entry.get("revision")
    if is_local(source):
        return {**entry, "source": str(local_path(source)) if source[0] == "~" else source}
    return {**entry, "revision": resolved_commit(source, revision) or revision}
