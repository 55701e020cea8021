"""Takes a person out of a study: the pairs and prompts; clips and pictures are items, which are found by their records."""

from __future__ import annotations

import io
import sqlite3
from collections.abc import Collection
from pathlib import Path
from typing import Any

import orjson
import pandas as pd

from tpige_kedro.files.atomic import save_bytes
from tpige_kedro.study.on_disk import ABOUT, MATERIAL, PAIRS
from tpige_kedro.study.votes_file import FILE

FOLDER_NAME = "study"


def is_pair_list(file: Path) -> bool:
    """Whether a file is the pair list of a study, or of one that was set aside.

    >>> is_pair_list(Path("08_reporting/study/pairs.parquet")), is_pair_list(Path("pairs.parquet"))
    (True, False)
    """
    return file.name == PAIRS and FOLDER_NAME in file.parent.parts


def pairs_of(file: Path, samples: Collection[str]) -> pd.DataFrame | None:
    """The pairs that show one of the samples; None if the list cannot be read."""
    try:
        table = pd.read_parquet(file)
        return table[table["sample_id"].isin(list(samples))]
    except (OSError, ValueError, KeyError):
        return None


def drop_samples(file: Path, samples: Collection[str]) -> None:
    """Take the samples out of a pair list, and their prompts out of what the page shows. The study stays what it is."""
    table = pd.read_parquet(file)
    is_gone = table["sample_id"].isin(list(samples))
    _drop_prompts(file.parent / MATERIAL / ABOUT, set(table.loc[is_gone, "reference"]))
    left = table[~is_gone].reset_index(drop=True)
    left.attrs = table.attrs
    buffer = io.BytesIO()
    left.to_parquet(buffer, index=False, write_page_checksum=True)
    save_bytes(file, buffer.getvalue())


def votes_on(file: Path, pairs: Collection[str]) -> int:
    """How many votes beside a pair list are on these pairs."""
    store = file.parent / FILE
    if not store.is_file():
        return 0
    found = sqlite3.connect(store, timeout=30)
    try:
        marks = ",".join("?" * len(pairs))
        sql = f"SELECT count(*) FROM votes WHERE pair_id IN ({marks})"
        return int(found.execute(sql, list(pairs)).fetchone()[0])
    except sqlite3.DatabaseError:
        return 0
    finally:
        found.close()


def _drop_prompts(about: Path, references: set[str]) -> None:
    try:
        content: dict[str, Any] = orjson.loads(about.read_bytes())
    except FileNotFoundError:
        return
    prompts = content.get("prompts", {})
    content["prompts"] = {name: text for name, text in prompts.items() if name not in references}
    save_bytes(about, orjson.dumps(content, option=orjson.OPT_INDENT_2))
