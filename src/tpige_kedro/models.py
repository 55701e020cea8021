"""Loading models: from a class path and a source (local folder or hub id) to a live object, and its revision."""

from __future__ import annotations

import hashlib
import importlib
import json
import os
import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from tpige_kedro.errors import ModelError
from tpige_kedro.schemas import ModelSpec

# options that say where and how fast a model runs, not what it makes: they decide no fingerprint
RUN_OPTIONS = frozenset(
    {"batch_size", "device", "offload", "free_text_encoder", "parallel", "compile"}
    | {"key_variable", "concurrency", "timeout", "retries", "max_wait"}  # of a service
    | {"max_requests", "max_dollars", "input_price", "output_price"}
    | {"journal", "max_tasks", "in_flight", "poll_seconds", "timeout_seconds", "backoff_seconds"}
)
HUB_ID = re.compile(r"^[\w.-]+/[\w.-]+$")


def project_root() -> Path:
    """The folder with ``pyproject.toml`` and ``conf``: of this checkout, or the working directory of a packaged run."""
    checkout = Path(__file__).resolve().parents[2]
    return checkout if (checkout / "pyproject.toml").exists() else Path.cwd()


def local_path(source: str) -> Path:
    """``source`` as a path; relative ones start at the project root."""
    path = Path(source).expanduser()
    return path if path.is_absolute() else project_root() / path


def resolve_source(source: str) -> str:
    """A local file or folder if there is one, else the hub id itself.

    Raises:
        ModelError: neither an existing path nor the form ``owner/name`` of a hub id.
    """
    path = local_path(source)
    if path.exists():
        return str(path)
    if HUB_ID.match(source):
        return source
    raise ModelError(
        f"model source {source!r}: no such file or folder; set models.<name>.source to a local folder or a hub id "
        f"({where_from(source)})"
    )


def where_from(source: str | Path) -> str:
    """Where the files of a model come from, as the end of a message that misses them."""
    if "mini" in Path(source).parts:
        return "mini checkpoints are made by `kedro run --pipelines=train_mini`"
    return "docs/models.md says where the weights are and how to fill the folder"


@cache
def model_revision(source: str, revision: str | None = None) -> str:
    """What identifies the weights in a record: the pinned hub revision, or a hash of the local files.

    The hash covers relative names, sizes and the first and last MiB of every file, so that it costs milliseconds
    for 30 GB and changes with any retraining.
    """
    path = local_path(source)
    if not path.exists():
        return revision or "unpinned"
    digest = hashlib.sha256()
    for file in sorted(f for f in ([path] if path.is_file() else path.rglob("*")) if f.is_file()):
        if file.suffix in {".md", ".jsonl", ".png"}:
            continue
        size = file.stat().st_size
        digest.update(f"{file.relative_to(path)}|{size}|".encode())
        with file.open("rb") as handle:
            digest.update(handle.read(1 << 20))
            handle.seek(max(0, size - (1 << 20)))
            digest.update(handle.read())
    return digest.hexdigest()[:16]


def missing_needs(spec: ModelSpec) -> list[str]:
    """The environment variables that the model needs and that are not set."""
    return [name for name in spec.needs if not os.environ.get(name)]


def load_class(path: str) -> Any:
    """The class behind a dotted path. Raises :class:`ModelError` naming the path."""
    module, _, name = path.rpartition(".")
    try:
        return getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise ModelError(
            f"model type {path!r} cannot be imported: {error}; set models.<name>.type"
        ) from error


def load_model(spec: ModelSpec) -> Any:
    """Build the object that ``spec`` describes: ``Class(source=…, revision=…, **options)``; a service gets its options only."""
    cls = load_class(spec.type)
    if spec.source is None:
        return cls(**spec.options)
    return cls(source=find_source(spec), revision=spec.revision, **spec.options)


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
    """What a model contributes to fingerprints: its class, its weights, and the options that decide its results.

    Local weights count by their content, so that moving the folder redoes nothing; hub weights by id and revision.
    """
    is_local = spec.source is not None and local_path(spec.source).exists()
    options = spec.model_dump(mode="json")["options"]
    return {
        "type": spec.type,
        "source": None if is_local else spec.source,
        "revision": model_revision(spec.source, spec.revision) if spec.source else spec.revision,
        "options": {key: value for key, value in options.items() if key not in RUN_OPTIONS},
    }


def describe_model(name: str, spec: ModelSpec) -> dict[str, Any]:
    """What a record says about a model: its key in ``models``, class, source, revision, options and licence."""
    return {"name": name, **model_identity(spec), "source": spec.source, "licence": spec.licence}


_kept: dict[str, tuple[Any, ...]] = {}


def load_models(specs: Sequence[ModelSpec]) -> tuple[Any, ...]:
    """Build the objects of ``specs``, or return them if they are the ones that were loaded last.

    Variants share a generator and score with the same networks; keeping the last set saves loading it for each. The
    earlier set is let go before the next is loaded, so that two large generators are never in memory together.
    """
    key = json.dumps([spec.model_dump(mode="json") for spec in specs], sort_keys=True)
    if key not in _kept:
        release_models()
        _kept[key] = tuple(load_model(spec) for spec in specs)
    return _kept[key]


def release_models() -> None:
    """Let go of the models that :func:`load_models` keeps."""
    _kept.clear()
