"""The record of an item: what was made from what, by whom, and which file it speaks for; or why it failed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tpige_kedro.files.known import sha256_of
from tpige_kedro.files.seal import Damaged, open_sealed

SUFFIX = ".json"


@dataclass(frozen=True, slots=True)
class Failure:
    """Why the last attempt at an item failed; ``fingerprint`` says what was attempted."""

    key: str
    fingerprint: str
    error: str
    message: str


@dataclass(frozen=True, slots=True)
class Output:
    """The file that a record speaks for: its name beside the record, its size, time and content."""

    file: str
    bytes: int
    mtime_ns: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Known:
    """What a record says, without its details: small enough to keep for every item of a large run.

    ``fingerprint`` and ``sha256`` are empty if the item was never finished. ``output`` is None for an item whose value is in the
    record itself.
    """

    fingerprint: str
    sha256: str
    output: Output | None
    failure: Failure | None
    partial: bool = False


def read_record(file: str | Path, key: str) -> dict[str, Any]:
    """The whole record. Raises ``FileNotFoundError``, and :class:`Damaged` if it is not the one that was written for ``key``."""
    with open(file, "rb") as handle:
        content = open_sealed(handle.read())
    if content.get("key") != key:
        raise Damaged(f"it is the record of {content.get('key')}")
    return content


def known_of(record: Mapping[str, Any]) -> Known:
    """The part of a record that decides whether its item is kept."""
    output, failure = record.get("output"), record.get("failure")
    return Known(
        fingerprint=record.get("fingerprint", ""),
        sha256=record["output"]["sha256"] if output else record.get("sha256", ""),
        output=Output(**output) if output else None,
        failure=Failure(key=record["key"], **failure) if failure else None,
        partial=record.get("partial", False),
    )


def output_of(file: Path) -> Output:
    """What a record keeps of its file."""
    state = file.stat()
    return Output(file.name, state.st_size, state.st_mtime_ns, sha256_of(file))


def value_hash(value: Any) -> str:
    """The sha256 of a JSON value.

    >>> value_hash({"a": 1, "b": None}) == value_hash({"b": None, "a": 1})
    True
    """
    text = json.dumps(value, sort_keys=True, ensure_ascii=False, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()
