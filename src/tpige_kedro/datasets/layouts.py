"""The ways in which a folder may say which samples there are: our own, the challenge's, and that of the authors' evaluation.

============ ==========================================================================================
layout       what is in the folder
============ ==========================================================================================
``table``    ``samples.csv`` and ``references/``
``challenge`` ``id001/image.png``, ``id001/prompt1.txt`` … ``prompt5.txt``, and so on for every person
``authors``  ``prompts/<stem>.txt``, ``ID_image/<id>.png`` (or .jpg …; the stem up to its first underscore), and the clips
             ``<stem>.mp4``, in the folder itself or in ``videos/``
============ ==========================================================================================

What is missing becomes a row with a ``problem``: the sample is reported and the others go on.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pandas as pd

from tpige_kedro.datasets.leftovers import is_leftover
from tpige_kedro.datasets.portraits import find_portrait, names_in

Layout = Literal["table", "challenge", "authors"]
Row = dict[str, str]

COLUMNS = ("sample_id", "person_id", "prompt", "reference", "problem")
PORTRAITS = "ID_image"  # the folder of the ``authors`` layout
PERSON = re.compile(r"id(\d+)$")
PROMPTS = range(1, 6)  # of each person, in the challenge


def layout_of(root: Path) -> Layout:
    """Which layout ``root`` has; ``table`` where none can be told, whose errors say how to make one."""
    if (root / "samples.csv").exists() or not root.is_dir():
        return "table"
    if any(PERSON.match(folder.name) for folder in root.iterdir() if folder.is_dir()):
        return "challenge"
    return "authors" if (root / "prompts").is_dir() or (root / PORTRAITS).is_dir() else "table"


def list_samples(root: Path, layout: Layout) -> pd.DataFrame:
    """The rows of a ``challenge`` or ``authors`` folder: ``sample_id, person_id, prompt, reference, problem``, all text."""
    rows = challenge_rows(root) if layout == "challenge" else authors_rows(root)
    return pd.DataFrame(list(rows), columns=list(COLUMNS), dtype=str)


def challenge_references(root: Path) -> dict[str, Path]:
    """The portraits of a ``challenge`` folder by the name that samples call them: ``<id>.<suffix>``."""
    found = {folder: _portrait(folder)[0] for folder in persons(root)}
    return {f"{f.name}{Path(name).suffix}": f / name for f, name in found.items() if name}


def persons(root: Path) -> list[Path]:
    """The folders ``idNNN``, by number."""
    found = [f for f in root.iterdir() if f.is_dir() and PERSON.match(f.name)]
    return sorted(found, key=lambda folder: (int(folder.name[2:]), folder.name))


def _portrait(folder: Path) -> tuple[str, str]:
    """The name of the file ``image.<suffix>`` of a person's folder, and what is wrong if there is not exactly one."""
    absent = f"{folder} has no image.png; put the portrait there"
    return find_portrait(folder, names_in(folder), "image", absent, of_one=True)


def challenge_rows(root: Path) -> Iterator[Row]:
    """Five samples ``<id>_<k>`` a person; gaps in the numbering of the folders are told too."""
    folders = persons(root)
    numbers = {int(folder.name[2:]) for folder in folders}
    width = max((len(folder.name) - 2 for folder in folders), default=3)
    for folder in folders:
        picture, lacking = _portrait(folder)
        for k in PROMPTS:
            yield _row(
                sample=f"{folder.name}_{k}",
                person=folder.name,
                prompt=folder / f"prompt{k}.txt",
                reference=f"{folder.name}{Path(picture).suffix}" if picture else "",
                lacking=lacking,
            )
    for number in sorted(set(range(min(numbers), max(numbers))) - numbers):
        name = f"id{number:0{width}}"
        problem = f"there is no folder {root / name}; add it, or go on without this person"
        yield dict.fromkeys(COLUMNS, "") | {"sample_id": name, "problem": problem}


def authors_rows(root: Path) -> Iterator[Row]:
    """A sample for every prompt or clip; its person is the stem up to the first underscore."""
    texts = {f.stem for f in (root / "prompts").glob("*.txt") if not is_leftover(f)}
    clips = {f.stem for folder in (root, root / "videos") for f in folder.glob("*.mp4")}
    portraits = names_in(root / PORTRAITS)
    for stem in sorted(texts | clips):
        person = stem.split("_")[0]
        absent = f"{root / PORTRAITS / person}.png is missing; put the portrait there"
        picture, lacking = find_portrait(root / PORTRAITS, portraits, person, absent)
        yield _row(
            sample=stem,
            person=person,
            prompt=root / "prompts" / f"{stem}.txt",
            reference=picture,
            lacking=lacking,
        )


def _row(*, sample: str, person: str, prompt: Path, reference: str, lacking: str) -> Row:
    text = ""
    try:
        text = " ".join(prompt.read_text(encoding="utf-8-sig").split())
    except FileNotFoundError:
        lacking = f"{prompt} is missing; write the prompt there"
    except UnicodeDecodeError as error:
        lacking = f"{prompt} is no UTF-8 text ({error.reason}); save it as UTF-8"
    return {
        "sample_id": sample,
        "person_id": person,
        "prompt": text,
        "reference": reference,
        "problem": lacking,
    }
