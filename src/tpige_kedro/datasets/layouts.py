"""The layouts in which a folder may list its samples: our own, the challenge's, and that of the authors' evaluation.

============ ==========================================================================================
layout       what is in the folder
============ ==========================================================================================
``table``    ``samples.csv`` and ``references/``
``people``   ``people.csv``, ``prompts.csv`` or ``prompts.txt``, and ``references/``: every person with every prompt
``challenge`` ``id001/image.png``, ``id001/prompt1.txt`` … ``prompt5.txt``, and so on for every person
``authors``  ``prompts/<stem>.txt``, ``ID_image/<id>.png`` (or .jpg …; the stem up to its first underscore), and the clips
             ``<stem>.mp4`` (or another video file), in the folder itself or in ``videos/``
============ ==========================================================================================

What is missing becomes a row with a ``problem``: the sample is reported and the others go on.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Literal

import pandas as pd

from tpige_kedro.characters import control_in
from tpige_kedro.datasets.clip_files.containers import clip_files
from tpige_kedro.datasets.leftovers import is_leftover
from tpige_kedro.datasets.people import PEOPLE, PROMPT_FILES, list_people_samples
from tpige_kedro.datasets.picture_files.portraits import find_portrait, names_in
from tpige_kedro.datasets.table_files.columns import listed
from tpige_kedro.datasets.table_files.encoding import NotText, decoded

Layout = Literal["table", "people", "challenge", "authors"]
Row = dict[str, str]

COLUMNS = ("sample_id", "person_id", "prompt", "reference", "problem")
PORTRAITS = "ID_image"  # the folder of the ``authors`` layout
PERSON = re.compile(r"id[0-9]+")
MAX_BYTES = 100_000  # of a prompt, of which 4,000 characters can be read
GAPS = 3  # named in one line
PROMPTS = range(1, 6)  # of each person, in the challenge


def layout_of(root: Path) -> Layout:
    """Which layout ``root`` has; ``table`` if none is recognised, because its errors say how to make one."""
    if (root / "samples.csv").exists() or not root.is_dir():
        return "table"
    if (root / PEOPLE).exists():
        return "people"
    if any(PERSON.fullmatch(folder.name) for folder in root.iterdir() if folder.is_dir()):
        return "challenge"
    if (root / "prompts").is_dir() or (root / PORTRAITS).is_dir():
        return "authors"
    return "people" if any((root / name).exists() for name in PROMPT_FILES) else "table"


def list_samples(root: Path, layout: Layout) -> pd.DataFrame:
    """The rows of a ``people``, ``challenge`` or ``authors`` folder: ``sample_id, person_id, prompt, reference, problem``, all text."""
    if layout == "people":
        return list_people_samples(root)
    rows = challenge_rows(root) if layout == "challenge" else authors_rows(root)
    cells = [{name: _text(row[name]) for name in COLUMNS} for row in rows]
    return pd.DataFrame(cells, columns=list(COLUMNS), dtype=str)


def _text(cell: str) -> str:
    """A cell that a table can hold: bytes of a file name that are no letters are escaped, and no id."""
    return cell.encode("utf-8", "backslashreplace").decode()


def challenge_references(root: Path) -> dict[str, Path]:
    """The portraits of a ``challenge`` folder by the name that samples call them: ``<id>.<suffix>``."""
    found = {folder: _portrait(folder)[0] for folder in persons(root)}
    return {f"{f.name}{Path(name).suffix}": f / name for f, name in found.items() if name}


def persons(root: Path) -> list[Path]:
    """The folders ``idNNN``, by number."""
    found = [f for f in root.iterdir() if f.is_dir() and PERSON.fullmatch(f.name)]
    return sorted(found, key=lambda folder: (int(folder.name[2:]), folder.name))


def _portrait(folder: Path) -> tuple[str, str]:
    """The name of the file ``image.<suffix>`` of a person's folder, and what is wrong if there is not exactly one."""
    absent = f"{folder} has no image.png; put the portrait there"
    return find_portrait(folder, names_in(folder), "image", absent, of_one=True)


def challenge_rows(root: Path) -> Iterator[Row]:
    """Five samples ``<id>_<k>`` a person."""
    for folder in persons(root):
        picture, lacking = _portrait(folder)
        for k in PROMPTS:
            yield _row(
                sample=f"{folder.name}_{k}",
                person=folder.name,
                prompt=folder / f"prompt{k}.txt",
                reference=f"{folder.name}{Path(picture).suffix}" if picture else "",
                lacking=lacking,
            )


def gaps_of(root: Path) -> str:
    """The gaps in the numbers of a ``challenge`` folder in one line; the empty text if there are none.

    It counts between neighbours and never through the numbers, of which there may be billions.
    """
    folders = persons(root)
    pairs = [(a.name, b.name, int(b.name[2:]) - int(a.name[2:]) - 1) for a, b in pairwise(folders)]
    gaps = [f"{n:,} between {a} and {b}" for a, b, n in pairs if n > 0]
    if not gaps:
        return ""
    more = f" and {len(gaps) - GAPS} more gaps" if len(gaps) > GAPS else ""
    return f"numbers without a folder: {', '.join(gaps[:GAPS])}{more}; this is fine if the set is part of a larger one"


def unread_of(root: Path) -> str:
    """What a ``challenge`` folder holds that is not read, in one line: folders of other names, and prompts beyond the fifth."""
    wanted = {f"prompt{k}.txt" for k in PROMPTS}
    folders = [f.name for f in root.iterdir() if f.is_dir() and not is_leftover(f)]
    names = sorted(name for name in folders if not PERSON.fullmatch(name))
    for person in persons(root):
        found = sorted(file.name for file in person.glob("prompt*.txt"))
        names += [f"{person.name}/{name}" for name in found if name not in wanted]
    return f"not read: {listed(names)}" if names else ""


def authors_rows(root: Path) -> Iterator[Row]:
    """A sample for every prompt or clip; its person is the stem up to the first underscore."""
    texts = {f.stem for f in (root / "prompts").glob("*.txt") if not is_leftover(f)}
    clips = {stem for folder in (root, root / "videos") for stem in clip_files(folder)}
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
    text, problem = read_prompt(prompt)
    return {
        "sample_id": sample,
        "person_id": person,
        "prompt": text,
        "reference": reference,
        "problem": problem or lacking,
    }


def read_prompt(file: Path) -> tuple[str, str]:
    """The prompt in a text file in one line, and what is wrong with the file, of which one is the empty text.

    A prompt with control characters stays as it is, for the check of samples to name them.
    """
    if not file.exists():
        return "", f"{file} is missing; write the prompt there"
    if not file.is_file() or file.stat().st_size > MAX_BYTES:
        return "", f"{file} is not a text file of at most {MAX_BYTES} bytes; write the prompt there"
    try:
        text = decoded(file.read_bytes())
    except NotText as error:
        return "", f"{file} cannot be read: {error}"
    except OSError as error:
        return "", f"{file} cannot be read: {error.strerror}; make it readable"
    return (text.strip() if control_in(text) else " ".join(text.split())), ""
