"""Loading models: from a class path and a source (local folder or hub id) to a live object, and what identifies it."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tpige_kedro.declarations import declared, declared_version, load_class
from tpige_kedro.errors import ModelError
from tpige_kedro.schemas import ModelSpec, Variant
from tpige_kedro.services.secrets import remember_needs
from tpige_kedro.weights.content import content_revision
from tpige_kedro.weights.hub import hub_revision, resolved_commit
from tpige_kedro.weights.lists import is_entry, lists_to_load, settings_of, weight_lists, weights_of
from tpige_kedro.weights.parts import class_options, weight_options
from tpige_kedro.weights.sources import (
    HUB_ID,
    is_local,
    local_path,
    project_root,
    resolve_source,
    where_from,
)

__all__ = [
    "HUB_ID",
    "RUN_OPTIONS",
    "declared",
    "declared_version",
    "describe_model",
    "find_source",
    "load_class",
    "load_model",
    "load_models",
    "local_path",
    "missing_needs",
    "model_identity",
    "model_revision",
    "project_root",
    "release_models",
    "resolve_source",
    "where_from",
    "why_skipped",
]

# options that say where and how fast a model runs, not what it makes: they decide no fingerprint
RUN_OPTIONS = frozenset(
    {"batch_size", "device", "offload", "gpu_gib", "free_text_encoder", "stream_text_encoder"}
    | {"parallel", "compile", "compile_vae", "vae_convolutions"}
    | {"key_variable", "concurrency", "timeout", "retries", "max_wait"}  # of a service
    | {"max_requests", "max_dollars", "input_price", "output_price", "max_tokens_parameter"}
    | {"ends", "successor"}
    | {
        "journal",
        "max_tasks",
        "clip_price",
        "in_flight",
        "poll_seconds",
        "timeout_seconds",
        "backoff_seconds",
    }
)


def model_revision(source: str, revision: str | None = None) -> str:
    """What identifies weights: the sha256 of the local files, or the commit of the hub repository.

    A file that changes on disk gives another revision at once; see :mod:`~tpige_kedro.weights.content` for which files count and
    what it costs. A hub id whose commit nobody knows is ``unresolved``.

    >>> model_revision("owner/name", "0123456789abcdef0123456789abcdef01234567")
    '0123456789abcdef0123456789abcdef01234567'
    """
    if is_local(source):
        return content_revision(local_path(source))
    return hub_revision(source, revision)


def missing_needs(spec: ModelSpec) -> list[str]:
    """The environment variables that the model needs and that are not set."""
    return [name for name in spec.needs if not os.environ.get(name)]


def why_skipped(variant: Variant, models: Mapping[str, ModelSpec]) -> str:
    """Why a variant cannot be made in this run, or the empty text."""
    missing = missing_needs(models[variant.generator])
    no_key = f"no key: {', '.join(missing)} is not set" if missing else ""
    return no_key or variant.skipped or models[variant.generator].unavailable


def load_model(spec: ModelSpec) -> Any:
    """Build the object that ``spec`` describes: ``Class(source=…, revision=…, **options)``; a service gets its options only.

    Revisions of hub ids are passed as the commits that :func:`model_identity` names, so that what is loaded is what records say.
    """
    remember_needs(spec.needs)
    cls = load_class(spec.type)
    options = {**spec.options, **_parts_at_home(spec), **_part_commits(spec), **lists_to_load(spec)}
    if spec.source is None:
        return cls(**options)
    return cls(source=find_source(spec), revision=_revision_to_load(spec), **options)


def find_source(spec: ModelSpec) -> str:
    """Where the weights of ``spec`` are, see :func:`resolve_source`; the error says what the class knows about getting them."""
    assert spec.source is not None
    try:
        return resolve_source(spec.source)
    except ModelError as error:
        wanted = getattr(load_class(spec.type), "weights", ())
        advice = "; ".join(weights.how_to_get(spec.source) for weights in wanted)
        raise ModelError(f"{error}; {advice}" if advice else str(error)) from error


def model_identity(spec: ModelSpec) -> dict[str, Any]:
    """What a model contributes to fingerprints: its class and version, its weights, and the options that decide its results.

    Local weights count by their content, so that moving the folder redoes nothing; hub weights by id and commit. ``parts`` are
    the weights that options name or list, ``runs`` the classes that options name.

    Raises:
        ModelError: the class declares no ``version``, or there is no such class.
    """
    parts, classes = weight_options(spec), class_options(spec)
    lists = weight_lists(spec)
    apart = {*parts, *(f"{name}_revision" for name in parts), *lists, *classes, *RUN_OPTIONS}
    options = _identified_options(spec)
    identity = {
        "type": spec.type,
        "version": declared_version(spec.type),
        **_weights_identity(None if _is_no_weights(spec) else spec.source, spec.revision),
        "options": {key: value for key, value in options.items() if key not in apart},
    }
    found: dict[str, Any] = {
        name: _weights_identity(source, spec.options.get(f"{name}_revision"))
        for name, source in parts.items()
    }
    found |= {
        name: [_entry_identity(e) for e in entries] for name, entries in lists.items() if entries
    }
    if found:
        identity["parts"] = found
    if classes:
        identity["runs"] = {
            name: {"type": path, "version": declared_version(path)}
            for name, path in classes.items()
        }
    return identity


def describe_model(name: str, spec: ModelSpec) -> dict[str, Any]:
    """What a record says about a model: its key in ``models``, its identity, the places of its weights, and its licence."""
    described = {"name": name, **model_identity(spec), "source": spec.source}
    for part, source in weight_options(spec).items():
        described["parts"][part]["source"] = source
    for option, entries in weight_lists(spec).items():
        for i, entry in enumerate(entries):
            described["parts"][option][i] |= {k: v for k, v in entry.items() if k != "revision"}
    return {**described, "licence": spec.licence}


def _weights_identity(source: str | None, revision: str | None) -> dict[str, str | None]:
    if source is None:
        return {"source": None, "revision": revision}
    shown = None if is_local(source) else source
    return {"source": shown, "revision": model_revision(source, revision)}


def _entry_identity(entry: object) -> dict[str, Any]:
    """Of an entry of an option that lists weights: what they are, and its other settings."""
    if not is_entry(entry):
        raise ModelError(
            f"an option that lists weights has {entry!r}, without a source; give it one"
        )
    return {**_weights_identity(weights_of(entry), entry.get("revision")), **settings_of(entry)}


def _is_no_weights(spec: ModelSpec) -> bool:
    """Whether the source holds what is worked on, and no model."""
    return not declared(spec.type, "source_is_weights", True)


def _identified_options(spec: ModelSpec) -> dict[str, Any]:
    """The options, with the content of files that they name; how, says the function that ``identified_options`` of a class names."""
    options: dict[str, Any] = spec.model_dump(mode="json")["options"]
    for path in (spec.type, *class_options(spec).values()):
        if function := declared(path, "identified_options"):
            options = load_class(function)(options)
    return options


def _revision_to_load(spec: ModelSpec) -> str | None:
    assert spec.source is not None
    if is_local(spec.source):
        return spec.revision
    return resolved_commit(spec.source, spec.revision) or spec.revision


def _part_commits(spec: ModelSpec) -> dict[str, str]:
    """``<option>_revision`` for the options that name a hub id."""
    found = {
        f"{name}_revision": resolved_commit(source, spec.options.get(f"{name}_revision"))
        for name, source in weight_options(spec).items()
        if not is_local(source)
    }
    return {option: commit for option, commit in found.items() if commit}


def _parts_at_home(spec: ModelSpec) -> dict[str, str]:
    """The options that name weights below the home folder (``~``), written out."""
    parts = weight_options(spec)
    return {name: str(local_path(source)) for name, source in parts.items() if source[0] == "~"}


_kept: dict[str, tuple[Any, ...]] = {}


def load_models(
    specs: Sequence[ModelSpec],
    on_error: Callable[[ModelSpec, Exception], Any] | None = None,
    keep_failed: bool = False,
) -> tuple[Any, ...]:
    """Build the objects of ``specs``, or return them if they are the ones that were loaded last.

    What ``on_error`` makes of an error takes the place of the object that could not be built; such a set is kept only with
    ``keep_failed``, for workers that ask for it again with every clip.

    Variants share a generator and score with the same networks; keeping the last set saves loading it for each. The
    earlier set is let go before the next is loaded, so that two large generators are never in memory together.
    """
    key = json.dumps([spec.model_dump(mode="json") for spec in specs], sort_keys=True)
    if key not in _kept:
        release_models()
        loaded, failed = [], False
        for spec in specs:
            try:
                loaded.append(load_model(spec))
            except Exception as error:
                if on_error is None:
                    loaded.clear()  # else the traceback holds them
                    raise
                loaded.append(on_error(spec, error))
                failed = True
        if failed and not keep_failed:
            return tuple(loaded)
        _kept[key] = tuple(loaded)
    return _kept[key]


def release_models() -> None:
    """Let go of the models that :func:`load_models` keeps."""
    _kept.clear()
