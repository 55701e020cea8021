"""Which files a local model folder lacks, told before anything is loaded: as the folder describes itself, else as its class does.

Folders in the layout of diffusers and transformers say in JSON what belongs into them; to look there needs no torch, so that a
finished run stays quick. Only for loose checkpoints the class is imported and asked.
"""

from __future__ import annotations

import json
from collections.abc import Container, Iterator
from pathlib import Path
from typing import Any

from tpige_kedro.errors import ModelError
from tpige_kedro.models import load_class, local_path, resolve_source, where_from
from tpige_kedro.schemas import ModelSpec

INDEX, CONFIG = "model_index.json", "config.json"
SMALL_PARTS = ("Scheduler", "Tokenizer", "Processor", "Extractor")  # in class names: no network


def missing_files(spec: ModelSpec) -> str:
    """What is missing in the local folders of ``spec`` and what to do, or nothing; hub ids and single files are not looked into.

    Raises:
        ModelError: names the checkpoints that the class declares and the folder lacks, or ``options.base`` is no place.
    """
    assert spec.source is not None
    problems = [_lacking(local_path(spec.source), spec)]
    if base := spec.options.get("base"):  # its transformer is not loaded
        folder = Path(resolve_source(base))
        problems.append(_told(folder, described_files(folder, unused=("transformer",))))
    return "; ".join(filter(None, problems))


def _lacking(folder: Path, spec: ModelSpec) -> str:
    if not folder.is_dir():
        return ""
    if name := spec.options.get("weights"):  # one file in the native layout
        return "" if (folder / name).is_file() else _told(folder, iter([name]))
    if is_described(folder):
        return _told(folder, described_files(folder))
    if declared := getattr(load_class(spec.type), "weights", ()):
        from tpige_kedro.weights.published import require_files

        require_files(folder, declared)
    return ""


def _told(folder: Path, lacking: Iterator[str]) -> str:
    names = ", ".join(lacking)
    advice = "download the folder again, or set models.<name>.source to a whole one"
    return f"{folder} has no {names}; {advice} ({where_from(folder)})" if names else ""


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
            yield from _weights_missing(part, folder)
        return
    for name, entry in read(folder / INDEX).items():
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
    wanted = {shard for index in indices for shard in read(index)["weight_map"].values()}
    if not wanted and not any(part.glob("*.safetensors")):
        by_diffusers = "_class_name" in read(part / CONFIG)
        wanted = {f"{'diffusion_pytorch_model' if by_diffusers else 'model'}.safetensors"}
    for shard in sorted(wanted):
        if not (part / shard).is_file():
            yield str((part / shard).relative_to(folder))


def read(file: Path) -> dict[str, Any]:
    """A JSON object; one that is damaged says where."""
    try:
        return dict(json.loads(file.read_text(encoding="utf-8")))
    except (ValueError, TypeError) as error:
        raise ModelError(f"{file} cannot be read ({error}); download it again") from error
