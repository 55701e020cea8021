"""What a model folder says about its own contents: layouts of diffusers and transformers describe themselves in JSON.

To look there needs no torch, so that a finished run stays quick.
"""

from __future__ import annotations

from collections.abc import Container, Iterator
from pathlib import Path

from tpige_kedro.weights.whole import read_json

INDEX, CONFIG = "model_index.json", "config.json"
SMALL_PARTS = ("Scheduler", "Tokenizer", "Processor", "Extractor")  # in class names: no network


def is_described(folder: Path) -> bool:
    """Whether the folder or its parts say what belongs into them."""
    return (folder / INDEX).is_file() or bool(networks_in(folder))


def networks_in(folder: Path) -> list[Path]:
    """The folder itself if it has a config, else its parts that have one."""
    if (folder / CONFIG).is_file():
        return [folder]
    return sorted(config.parent for config in folder.glob(f"*/{CONFIG}"))


def described_files(folder: Path, unused: Container[str] = ()) -> Iterator[str]:
    """The files that ``folder`` should have by its own description and has not, relative; ``unused`` parts may be absent."""
    if not (folder / INDEX).is_file():
        for part in networks_in(folder):
            if part.name not in unused:
                yield from _weights_missing(part, folder)
        return
    for name, entry in read_json(folder / INDEX).items():
        if name in unused or not isinstance(entry, list) or entry[1] is None:
            continue
        part = folder / name
        if any(word in entry[1] for word in SMALL_PARTS):
            if not (part.is_dir() and any(part.iterdir())):
                yield f"{name}/"
        elif not (part / CONFIG).is_file():
            yield f"{name}/{CONFIG}"
        else:
            yield from _weights_missing(part, folder)


def _weights_missing(part: Path, folder: Path) -> Iterator[str]:
    """The weights of one network that are not there: all shards that an index lists, else one file."""
    indices = sorted(part.glob("*.safetensors.index.json"))
    wanted = {shard for index in indices for shard in read_json(index)["weight_map"].values()}
    if not wanted and not any(part.glob("*.safetensors")):
        by_diffusers = "_class_name" in read_json(part / CONFIG)
        wanted = {f"{'diffusion_pytorch_model' if by_diffusers else 'model'}.safetensors"}
    for shard in sorted(wanted):
        if not (part / shard).is_file():
            yield str((part / shard).relative_to(folder))
