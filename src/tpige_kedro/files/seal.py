"""JSON files that notice when they were changed: the first line holds the sha256 of all others."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import orjson

from tpige_kedro.errors import TpigeError

HEAD, SEPARATOR = b'{"checksum": "', b'",\n'
DIGEST = 64  # hex digits


class Damaged(TpigeError, ValueError):
    """A sealed file that is not what was written."""


def sealed(content: Mapping[str, Any]) -> bytes:
    """``content`` as indented JSON with its checksum in the first line; any JSON reader opens it.

    Raises ``ValueError`` for values that JSON does not have, NaN for one.

    >>> print(sealed({"key": "ada"}).decode()[-16:])
     "key": "ada"
    }
    <BLANKLINE>
    """
    text = json.dumps(content, ensure_ascii=False, indent=1, allow_nan=False)
    body = text.removeprefix("{\n").encode() + b"\n"
    return HEAD + hashlib.sha256(body).hexdigest().encode() + SEPARATOR + body


def open_sealed(data: bytes) -> dict[str, Any]:
    """What :func:`sealed` was given. Raises :class:`Damaged` if a single byte is another.

    >>> open_sealed(sealed({"key": "ada"}))
    {'key': 'ada'}
    """
    start = len(HEAD) + DIGEST + len(SEPARATOR)
    digest = hashlib.sha256(memoryview(data)[start:]).hexdigest()  # a copy could be megabytes
    if data[:start] != HEAD + digest.encode() + SEPARATOR:
        raise Damaged("it is not what was written")
    # orjson is five times as fast: a rerun reads thousands
    content: dict[str, Any] = orjson.loads(data)
    if content["checksum"] == digest:  # else it is a key of the content's own
        del content["checksum"]
    return content
