"""How the hub names and lists a file: its digests, and its entry in listings."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

LFS = frozenset(
    {".safetensors", ".bin", ".pth", ".pt", ".onnx", ".msgpack", ".h5", ".model", ".ckpt"}
)


def sha1(data: bytes) -> str:
    return hashlib.sha1(data).hexdigest()


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def git_sha1(data: bytes) -> str:
    return sha1(b"blob %d\0" % len(data) + data)


def sibling(name: str, data: bytes) -> dict[str, Any]:
    entry = {"rfilename": name, "size": len(data), "blobId": git_sha1(data)}
    if Path(name).suffix in LFS:
        entry["lfs"] = {"sha256": sha256(data), "size": len(data), "pointerSize": 134}
    return entry


def in_tree(name: str, data: bytes) -> dict[str, Any]:
    entry = {"type": "file", "path": name, "size": len(data), "oid": git_sha1(data)}
    if Path(name).suffix in LFS:
        entry["lfs"] = {"oid": sha256(data), "size": len(data), "pointerSize": 134}
    return entry
