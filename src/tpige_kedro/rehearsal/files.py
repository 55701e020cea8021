"""The files of a checkpoint: known by name and size before any is written, and written without holding a network in memory."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from tpige_kedro.rehearsal.values import RandomValues, TensorSpec

Tensors = Mapping[str, TensorSpec]
SAFETENSORS = {
    torch.bfloat16: "BF16",
    torch.float16: "F16",
    torch.float32: "F32",
    torch.int64: "I64",
}


@dataclass(frozen=True)
class File:
    """A file of a checkpoint: its name below the folder, its size in bytes (small ones count as nothing), how it is written."""

    name: str
    bytes: int
    write: Callable[[Path], None]


def write_files(folder: Path, files: Iterable[File]) -> Path:
    """Write a checkpoint into ``folder``, which is returned; existing files stay."""
    for file in files:
        path = folder / file.name
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            file.write(path)
    return folder


def json_file(name: str, content: object) -> File:
    """A file with JSON."""
    return text_file(name, json.dumps(content, indent=2))


def text_file(name: str, text: str) -> File:
    """A small file with text."""

    def write(path: Path) -> None:
        path.write_text(text, encoding="utf-8")

    return File(name, 0, write)


def saved_files(names: tuple[str, ...], save: Callable[[Path], Any]) -> list[File]:
    """Small files that a library's object saves together; the first that is requested writes all."""

    def write(path: Path) -> None:
        if not path.exists():
            save(path.parent)

    return [File(name, 0, write) for name in names]


def network_files(folder: str, stem: str, tensors: Tensors, shards: int = 1) -> list[File]:
    """The weights of a network as ``<folder>/<stem>.safetensors``, or in numbered shards with their index."""
    prefix = f"{folder}/" if folder else ""
    if shards == 1:
        return [safetensors_file(f"{prefix}{stem}.safetensors", tensors)]
    parts = split(tensors, shards)
    names = [f"{stem}-{i:05}-of-{shards:05}.safetensors" for i in range(1, shards + 1)]
    where = {key: name for name, part in zip(names, parts, strict=True) for key in part}
    total = sum(spec.bytes for spec in tensors.values())
    index = {"metadata": {"total_size": total}, "weight_map": where}
    return [
        json_file(f"{prefix}{stem}.safetensors.index.json", index),
        *(safetensors_file(prefix + n, part) for n, part in zip(names, parts, strict=True)),
    ]


def split(tensors: Tensors, shards: int) -> list[dict[str, TensorSpec]]:
    """The tensors in their order, in ``shards`` parts of about the same size, none of them empty."""
    limit = sum(spec.bytes for spec in tensors.values()) / shards
    parts: list[dict[str, TensorSpec]] = [{}]
    left, size = len(tensors), 0
    for key, spec in tensors.items():
        must = left <= shards - len(parts)  # a tensor for each part that is still empty
        if parts[-1] and len(parts) < shards and (must or size >= limit * len(parts)):
            parts.append({})
        parts[-1][key] = spec
        size += spec.bytes
        left -= 1
    return parts


def safetensors_file(name: str, tensors: Tensors) -> File:
    """A safetensors file with random values, written tensor by tensor."""
    total = sum(spec.bytes for spec in tensors.values())
    return File(name, total, lambda path: write_safetensors(path, tensors))


def write_safetensors(path: Path, tensors: Tensors) -> None:
    """The format: the length of the header, the header as JSON, then the bytes of all tensors one after another."""
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    offset = 0
    for key, spec in tensors.items():
        ends = [offset, offset + spec.bytes]
        header[key] = {
            "dtype": SAFETENSORS[spec.dtype],
            "shape": list(spec.shape),
            "data_offsets": ends,
        }
        offset += spec.bytes
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    values = shared_values()
    with path.open("wb") as out:
        out.write(struct.pack("<Q", len(text)))
        out.write(text)
        for key, spec in tensors.items():
            for piece in values.pieces(key, spec):
                out.write(piece.contiguous().view(torch.uint8).numpy().data)


def torch_file(name: str, tensors: Tensors, wrap: Callable[[Any], Any] = dict) -> File:
    """A state dict as torch saves it; it is in memory once while it is written. ``wrap`` puts it into a training checkpoint."""

    def write(path: Path) -> None:
        values = shared_values()
        torch.save(wrap({key: values.tensor(key, spec) for key, spec in tensors.items()}), path)

    return File(name, sum(spec.bytes for spec in tensors.values()), write)


_values: list[RandomValues] = []


def shared_values() -> RandomValues:
    """The numbers that all files are filled with, drawn once in a process."""
    if not _values:
        _values.append(RandomValues())
    return _values[0]
