"""Mistakes in the catalog: a dataset class that does not exist, or arguments that it does not take."""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from tpige_kedro.hooks.conf_files import conf_files
from tpige_kedro.nearest import advice

PREFIXES = ("kedro_datasets.", "kedro.io.", "")  # where Kedro looks for a class
ENDINGS = ("Dataset", "Folder")


def dataset_problem(error: Exception, folders: Sequence[Path]) -> str:
    """Kedro's words in one line, with the file and line of the entry and the nearest class."""
    message = " ".join(line.strip() for line in str(error).splitlines() if line.strip())
    entry = re.search(r"[Dd]ataset '([^']+)'", message)
    where = _place(entry[1], folders) if entry else ""
    absent = re.search(r"Class '([^']+)' not found", message)
    if absent:
        module, _, name = absent[1].rpartition(".")
        message = f"{entry[1] + ': ' if entry else ''}no dataset class {absent[1]}; {advice(name, _classes(module))}"
    return f"{where}: {message}" if where else message


def type_problems(catalog: Mapping[str, Any]) -> Iterator[str]:
    """Entries whose class does not exist."""
    for name, entry in catalog.items():
        path = entry.get("type") if isinstance(entry, dict) else None
        if not isinstance(path, str) or "{" in path:
            continue
        module, _, cls = path.rpartition(".")
        if not any(hasattr(_module(prefix + module), cls) for prefix in PREFIXES):
            yield f"{name}.type: no dataset class {path}; {advice(cls, _classes(module))}"


def _module(name: str) -> Any:
    try:
        return importlib.import_module(name.rstrip(".")) if name else None
    except (ImportError, ValueError):
        return None


def _place(entry: str, folders: Sequence[Path]) -> str:
    """``file:line`` of a catalog entry."""
    for file in conf_files(folders):
        if "catalog" in str(file):
            for number, line in enumerate(file.read_text("utf-8", "replace").splitlines(), 1):
                if re.match(rf"[\"']?{re.escape(entry)}[\"']?\s*:", line):
                    return f"{file}:{number}"
    return ""


def _classes(module: str) -> list[str]:
    """The dataset classes of a module, with or without ``kedro_datasets`` before its name."""
    found = [imported for prefix in PREFIXES if (imported := _module(prefix + module))]
    return [name for each in found for name in dir(each) if name.endswith(ENDINGS)]
