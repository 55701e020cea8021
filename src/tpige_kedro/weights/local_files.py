"""Which files a local model folder lacks, before anything is loaded: as the folder describes itself, else as its class does.

Folders in the layout of diffusers and transformers say in JSON what belongs into them; to look there needs no torch, so that a
finished run stays quick. Only for loose checkpoints the class is imported and asked.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from tpige_kedro.declarations import declared, load_class
from tpige_kedro.schemas import ModelSpec
from tpige_kedro.weights.layout import described_files, is_described
from tpige_kedro.weights.lists import is_entry, weight_lists, weights_of
from tpige_kedro.weights.sources import is_local, local_path, resolve_source, where_from


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
    problems += _lists_lacking(spec)
    return "; ".join(filter(None, problems))


def _lists_lacking(spec: ModelSpec) -> Iterator[str]:
    """Files that entries of lists name, such as LoRAs, and that their folders have not."""
    for option, entries in weight_lists(spec).items():
        for index, entry in enumerate(entries):
            if is_entry(entry) and is_local(entry["source"]):
                file = Path(weights_of(entry))
                if not file.is_file():
                    yield f"options.{option}[{index}]: {file} is not there; set its source and weights"


def _lacking(folder: Path, spec: ModelSpec) -> str:
    if not folder.is_dir():
        return ""
    if name := spec.options.get("weights"):  # one file in the native layout
        return "" if (folder / name).is_file() else _told(folder, iter([name]))
    if is_described(folder):
        return _told(
            folder,
            (name for name in described_files(folder) if not _is_pickled(spec, folder / name)),
        )
    if loose := getattr(load_class(spec.type), "weights", ()):
        from tpige_kedro.weights.published import require_files

        require_files(folder, loose)
    return ""


def _is_pickled(spec: ModelSpec, weights: Path) -> bool:
    """Whether a class that reads them finds the torch files beside which the absent safetensors ``weights`` would lie."""
    patterns = declared(spec.type, "files", {}).get("source", ())
    reads = any(".bin" in pattern for pattern in patterns)
    return reads and weights.suffix == ".safetensors" and any(weights.parent.glob("*.bin"))


def _told(folder: Path, lacking: Iterator[str]) -> str:
    names = ", ".join(lacking)
    advice = "download the folder again, or set models.<name>.source to a complete one"
    return f"{folder} has no {names}; {advice} ({where_from(folder)})" if names else ""
