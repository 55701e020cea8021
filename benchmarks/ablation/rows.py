"""The rows of ``ablation.yml``: which variants there are, in which families, and which are the same under two names."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tpige_kedro.schemas import Variant

FILE = Path(__file__).with_name("ablation.yml")
MAIN = "main"
TRUTH, DECODED = "rendered", "through the VAE"  # rows that nothing generates


@dataclass(frozen=True)
class Row:
    """One row: its family (``main`` or a sweep), its name there, what it asks for, and the name under which its clips are."""

    family: str
    name: str
    variant: Variant
    made_as: str


def load_rows(file: Path = FILE) -> list[Row]:
    """All rows, the main ones first."""
    content: dict[str, Any] = yaml.safe_load(file.read_text())
    families = {MAIN: content[MAIN]}
    families |= {name: _entries(sweep) for name, sweep in content["sweeps"].items()}
    made: dict[str, str] = {}
    rows = []
    for family, entries in families.items():
        for name, entry in entries.items():
            variant = Variant(**entry)
            alone = (name,) if variant.noise == "own" else ()  # whose noise depends on its name
            made_as = made.setdefault(str((variant.model_dump_json(), *alone)), name)
            rows.append(Row(family, name, variant, made_as))
    names = [row.name for row in rows]
    if repeated := {name for name in names if names.count(name) > 1}:
        raise ValueError(f"{file}: {sorted(repeated)} are named twice")
    return rows


def _entries(sweep: dict[str, Any]) -> dict[str, Any]:
    """The variants of a sweep: what is shared, changed by each row. A row that is about more than guidance has it under ``guidance``."""
    entries = {}
    for name, changes in sweep["rows"].items():
        own = {k: v for k, v in changes.items() if k in Variant.model_fields}
        guidance = {k: v for k, v in changes.items() if k not in own} | own.pop("guidance", {})
        entries[name] = {**sweep["variant"], **own, "guidance": {**sweep["guidance"], **guidance}}
    return entries


def rows_to_make(rows: list[Row]) -> list[Row]:
    """Each distinct variant once, in order."""
    return [row for row in rows if row.name == row.made_as]
