"""Which files of a place are wanted: patterns, shards that an index announces, one format of several.

A pattern is one of :mod:`fnmatch` (``*`` stands for slashes, too). ``a|b`` means ``a``, or ``b`` where nothing is called ``a``;
``a|`` means ``a`` if there is one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from fnmatch import fnmatchcase

INDEX = ".safetensors.index.json"
SHARD = r"-\d{5}-of-\d{5}\.safetensors"
PICKLES = (".bin", ".pth", ".pt", ".ckpt", ".bin.index.json")
FOREIGN = (
    *(
        ".onnx",
        ".onnx_data",
        ".msgpack",
        ".h5",
        ".ot",
        ".gguf",
        ".tflite",
        ".pb",
        ".mlmodel",
        ".xml",
    ),
    *(
        ".md",
        ".png",
        ".jpg",
        ".jpeg",
        ".gif",
        ".webp",
        ".mp4",
        ".pdf",
        ".ipynb",
        ".py",
        ".gitattributes",
    ),
)
VARIANT = re.compile(r"\.(fp16|bf16|fp32|fp8|int8|int4|ema|non_ema)(?=[.-])")


def wanted(names: Iterable[str], patterns: Sequence[str] = ()) -> list[str]:
    """The names that are wanted, sorted; no patterns mean all that a model can be loaded from.

    What a pattern with ``*`` takes in is pruned: other frameworks' formats, documentation, pickles beside safetensors, and variants
    in another precision beside the plain file.

    >>> wanted(["unet/a.fp16.safetensors", "unet/a.safetensors", "unet/a.bin"], ["unet/*"])
    ['unet/a.safetensors']
    >>> wanted(["pytorch_model.bin", "tf_model.h5"], ["*.safetensors|*.bin"])
    ['pytorch_model.bin']
    """
    known = sorted(names)
    found = {name for pattern in patterns or ("*",) for name in _taken(known, pattern)}
    found |= {shard for name in found if name.endswith(INDEX) for shard in _shards(known, name)}
    return sorted(found)


def unmatched(names: Iterable[str], patterns: Sequence[str]) -> list[str]:
    """The patterns that nothing fits although something has to.

    >>> unmatched(["config.json"], ["*.json", "*.safetensors|*.bin", "*.jinja|"])
    ['*.safetensors or *.bin']
    """
    known = sorted(names)
    return [
        pattern.replace("|", " or ")
        for pattern in patterns
        if not pattern.endswith("|") and not _taken(known, pattern)
    ]


def takes(name: str, patterns: Sequence[str]) -> bool:
    """Whether a file of this name would be wanted."""
    alternatives = (part for pattern in patterns for part in pattern.split("|"))
    return not patterns or any(fnmatchcase(name, part) for part in alternatives if part)


def _taken(names: list[str], pattern: str) -> list[str]:
    """What the first alternative that something fits takes."""
    for alternative in pattern.split("|"):
        fitting = [name for name in names if fnmatchcase(name, alternative)]
        if "*" in alternative:
            fitting = list(_pruned(fitting))
        if fitting:
            return fitting
    return []


def _pruned(names: list[str]) -> Iterator[str]:
    present = set(names)
    safe = {folder_of(name) for name in names if name.endswith(".safetensors")}
    for name in names:
        plain = VARIANT.sub("", name)
        foreign = name.endswith(FOREIGN) and not name.endswith(".safetensors")
        doubled = name.endswith(PICKLES) and folder_of(name) in safe
        if foreign or doubled or (plain != name and _has_plain(present, plain)):
            continue
        yield name


def _has_plain(present: set[str], plain: str) -> bool:
    """Whether the same network is there without a variant, in one file or in another number of shards."""
    stem = re.sub(SHARD, "", plain).removesuffix(INDEX).removesuffix(".safetensors")
    family = re.compile(rf"{re.escape(stem)}({SHARD}|\.safetensors|{re.escape(INDEX)})")
    return plain in present or any(family.fullmatch(name) for name in present)


def _shards(names: list[str], index: str) -> list[str]:
    """The shards that belong to an index by their names."""
    shard = re.compile(re.escape(index.removesuffix(INDEX)) + SHARD)
    return [name for name in names if shard.fullmatch(name)]


def implied(names: Iterable[str]) -> set[str]:
    """What the names of shards say that there is: their index, and as many as they count.

    >>> sorted(implied(["a/model-00002-of-00002.safetensors"]))[1:]
    ['a/model-00002-of-00002.safetensors', 'a/model.safetensors.index.json']
    """
    counted = re.compile(r"(.*)-\d{5}-of-(\d{5})\.safetensors")
    families = {(m[1], int(m[2])) for name in names if (m := counted.fullmatch(name))}
    found = {f"{stem}{INDEX}" for stem, _ in families}
    for stem, count in families:
        found |= {f"{stem}-{i:05}-of-{count:05}.safetensors" for i in range(1, count + 1)}
    return found


def folder_of(name: str) -> str:
    """The folder of a name in a repository."""
    return name.rpartition("/")[0]
