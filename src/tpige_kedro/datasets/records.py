"""The record of an item: what was made from what, by which maker, and which file it describes; or why it failed."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from tpige_kedro.files.known import sha256_of
from tpige_kedro.files.seal import Damaged, open_sealed

SUFFIX = ".json"
DAMAGED = "Damaged"  # the error of an item whose file is not what was saved


@dataclass(frozen=True, slots=True)
class Failure:
    """Why the last attempt at an item failed; ``fingerprint`` says what was attempted."""

    key: str
    fingerprint: str
    error: str
    message: str


class Known(NamedTuple):  # a run makes one of each record, in half the time of a dataclass
    """What a record says, without its details: small enough to keep for every item of a large run.

    ``fingerprint`` and ``sha256`` are empty if the item was never finished. ``size`` (bytes) and ``mtime_ns`` are those of its file;
    the size is -1 for an item whose value is in the record itself.
    """

    fingerprint: str
    sha256: str
    size: int
    mtime_ns: int
    failure: Failure | None
    partial: bool


def read_record(file: str | Path, key: str) -> dict[str, Any]:
    """The whole record. Raises ``FileNotFoundError``, and :class:`Damaged` if it is not the one that was written for ``key``."""
    return open_record(read_bytes(file)[0], key)


def open_record(data: bytes, key: str) -> dict[str, Any]:
    """The record in the bytes of its file. Raises :class:`Damaged` if it is not the one that was written for ``key``."""
    content = open_sealed(data)
    if content.get("key") != key:
        raise Damaged(f"it is the record of {content.get('key')}")
    return content


def read_bytes(file: str | Path) -> tuple[bytes, os.stat_result]:
    """All bytes of a file, without the buffers that opening one costs otherwise, and its size and time."""
    handle = os.open(file, os.O_RDONLY)
    try:
        state = os.fstat(handle)
        return os.read(handle, state.st_size + 1), state
    finally:
        os.close(handle)


def known_of(record: Mapping[str, Any]) -> Known:
    """The part of a record that decides whether its item is kept."""
    output, failure = record.get("output"), record.get("failure")
    return Known(
        fingerprint=record.get("fingerprint", ""),
        sha256=output["sha256"] if output else record.get("sha256", ""),
        size=output["bytes"] if output else -1,
        mtime_ns=output["mtime_ns"] if output else 0,
        failure=Failure(key=record["key"], **failure) if failure else None,
        partial=record.get("partial", False),
    )


def output_entry(file: Path) -> dict[str, str | int]:
    """What a record says of its file: the name next to the record, size, time and content."""
    state = file.stat()
    return {
        "file": file.name,
        "bytes": state.st_size,
        "mtime_ns": state.st_mtime_ns,
        "sha256": sha256_of(file),
    }


def value_hash(value: object) -> str:
    """The sha256 of a JSON value.

    >>> value_hash({"a": 1, "b": None}) == value_hash({"b": None, "a": 1})
    True
    """
    text = json.dumps(value, sort_keys=True, ensure_ascii=False, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()
