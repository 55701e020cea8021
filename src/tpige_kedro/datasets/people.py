"""People and prompts in two lists: ``people.csv`` and ``prompts.csv`` (or ``prompts.txt``); each person is a sample with each prompt.

``people.csv`` has a line per person: ``person_id``; ``reference``, a picture in ``references/`` or a folder of several (left empty:
what is called as the person); ``consent``; and ``prompts``, the ids of the person's prompts (left empty: all). ``prompts.csv`` has the
columns ``prompt_id`` and ``prompt``; in ``prompts.txt`` each line is a prompt, and its id is its number. Samples are ``<person>_<prompt>``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from tpige_kedro.characters import shown
from tpige_kedro.datasets.samples import read_table
from tpige_kedro.datasets.table_files.columns import listed
from tpige_kedro.datasets.table_files.encoding import NotText, decoded
from tpige_kedro.files.errors import DatasetError

PEOPLE, PROMPT_TABLE, PROMPT_TEXT = "people.csv", "prompts.csv", "prompts.txt"
PROMPT_FILES = (PROMPT_TABLE, PROMPT_TEXT)
PERSON_COLUMNS = ("person_id", "reference", "consent", "prompts")
PROMPT_COLUMNS = ("prompt_id", "prompt")
COLUMNS = ("sample_id", "person_id", "prompt", "reference", "consent", "problem")
MAX_BYTES = 4_000_000  # of prompts.txt
MAX_SAMPLES = 500_000  # as many as a table of samples may have
BETWEEN = re.compile(r"[\s,;|]+")
HOW_PEOPLE = "write a header line person_id,reference,consent and a line for each person, as UTF-8 (Excel: CSV UTF-8)"
HOW_PROMPTS = (
    "write a header line prompt_id,prompt and a line for each prompt, as UTF-8 (Excel: CSV UTF-8)"
)

Row = dict[str, str]


@dataclass(frozen=True)
class Prompt:
    """One prompt, and what is wrong with its line of the file."""

    prompt_id: str
    text: str
    problem: str = ""
    line: int = 0


def refuse_both(root: Path) -> None:
    """Raise ``DatasetError`` for a folder that lists its samples twice."""
    if (root / PEOPLE).exists():
        raise DatasetError(
            f"{root} has samples.csv and {PEOPLE}; keep the one that lists your samples, and move the other away"
        )


def list_people_samples(root: Path) -> pd.DataFrame:
    """A row for every person and prompt: ``sample_id, person_id, prompt, reference, consent, problem``, all text.

    A wrong line is a ``problem`` of its samples, which names file and line; the others go on.

    Raises:
        DatasetError: a file is missing or cannot be read.
    """
    people, prompts = _people(root / PEOPLE), read_prompts(root)
    if len(people) * len(prompts) > MAX_SAMPLES:
        raise DatasetError(
            f"{root}: {len(people):,} people with {len(prompts):,} prompts are more than {MAX_SAMPLES:,} samples; split the folder"
        )
    rows = list(_without_clashes(_samples(people, {p.prompt_id: p for p in prompts}, prompts)))
    return pd.DataFrame(rows, columns=list(COLUMNS), dtype=str)


def read_prompts(root: Path) -> list[Prompt]:
    """The prompts of a folder in their order. Raises ``DatasetError``."""
    table, text = (root / name for name in PROMPT_FILES)
    if table.exists() and text.exists():
        raise DatasetError(f"{root} has {table.name} and {text.name}; keep one of them")
    if not table.exists() and not text.exists():
        raise DatasetError(
            f"{root} has {PEOPLE} and no prompts; write {PROMPT_TEXT} with one prompt in each line, or {PROMPT_TABLE} with the "
            "columns prompt_id and prompt"
        )
    return prompts_in(table if table.exists() else text)


def prompts_in(file: Path) -> list[Prompt]:
    """The prompts of a table (``.csv``) or of a text with one in each line. Raises ``DatasetError``."""
    found = _of_table(file) if file.suffix.lower() == ".csv" else _of_text(file)
    if not found:
        raise DatasetError(f"{file} holds no prompt; write one")
    return found


def _of_text(file: Path) -> list[Prompt]:
    """Each line with something in it; spaces around and between words count as one."""
    try:
        if file.stat().st_size > MAX_BYTES:
            raise DatasetError(
                f"{file} is larger than {MAX_BYTES:,} bytes; write one prompt per line"
            )
        text = decoded(file.read_bytes())
    except NotText as error:
        raise DatasetError(f"{file} cannot be read: {error}") from error
    except OSError as error:
        raise DatasetError(f"{file} cannot be read: {error.strerror}; make it readable") from error
    lines = re.split(r"\r\n|\r|\n", text)
    written = [(line, " ".join(t.split())) for line, t in enumerate(lines, start=1) if t.strip()]
    return [Prompt(str(n), prompt, line=line) for n, (line, prompt) in enumerate(written, start=1)]


def _of_table(file: Path) -> list[Prompt]:
    prompts: list[Prompt] = []
    first: dict[str, int] = {}
    for line, row in _rows(file, PROMPT_COLUMNS, PROMPT_COLUMNS, HOW_PROMPTS):
        key, problem = row["prompt_id"], row["problem"]
        if not key and not problem:
            problem = "prompt_id is empty; write one"
        elif key in first and not problem:
            problem = f"prompt_id {shown(key)!r} is that of line {first[key]}; choose another"
        first.setdefault(key, line)
        where = f"{file.name} line {line}: " if problem else ""
        prompts.append(Prompt(key or f"line{line}", row["prompt"], f"{where}{problem}", line))
    return prompts


def _people(file: Path) -> list[tuple[int, Row]]:
    if not file.exists():
        raise DatasetError(
            f"{file}: no such file; {HOW_PEOPLE} (kedro samples makes one from a folder of photos)"
        )
    people = list(_rows(file, ("person_id",), PERSON_COLUMNS, HOW_PEOPLE))
    if not people:
        raise DatasetError(f"{file} lists no person; {HOW_PEOPLE}")
    return people


def _rows(
    file: Path, needed: Sequence[str], known: Sequence[str], how: str
) -> Iterator[tuple[int, Row]]:
    """The rows of a table with their lines: all ``known`` columns and ``problem``, without spaces around."""
    table, unused = read_table(file, known, how)
    if missing := [name for name in needed if name not in table]:
        found = [name for name in known if name in table] + unused
        raise DatasetError(
            f"{file} has no column {', '.join(missing)} (it has {listed(found)}); {how}"
        )
    for line, row in zip(table.attrs["lines"], table.to_dict("records"), strict=True):
        yield line, {name: str(row.get(name, "")).strip() for name in (*known, "problem")}


def _samples(
    people: Sequence[tuple[int, Row]], known: Mapping[str, Prompt], prompts: Sequence[Prompt]
) -> Iterator[Row]:
    """Every person with the prompts that the line names, else with all."""
    first: dict[str, int] = {}
    for line, row in people:
        person, problem = row["person_id"], row["problem"]
        where = f"{PEOPLE} line {line}: "
        if not problem and not person:
            problem = "person_id is empty; write one"
        elif not problem and person in first:
            problem = f"person {shown(person)} is that of line {first[person]}; keep one of the two, and put several pictures of one person into a folder"
        first.setdefault(person, line)
        if problem:
            yield _sample(person or f"line{line}", row, Prompt("", ""), where + problem)
            continue
        wanted = list(dict.fromkeys(filter(None, BETWEEN.split(row["prompts"]))))
        for key in wanted or [prompt.prompt_id for prompt in prompts]:
            if key in known:
                continue
            unknown = f"no prompt {shown(key)!r} (there are {listed(list(known))}); correct the column prompts"
            yield _sample(f"{person}_{key}", row, Prompt(key, ""), where + unknown)
        for prompt in prompts:
            if not wanted or prompt.prompt_id in wanted:
                yield _sample(f"{person}_{prompt.prompt_id}", row, prompt, prompt.problem)


def _sample(sample: str, row: Row, prompt: Prompt, problem: str) -> Row:
    return {
        "sample_id": sample,
        "person_id": row["person_id"],
        "prompt": prompt.text,
        "reference": row["reference"] or row["person_id"],
        "consent": row["consent"],
        "problem": problem,
    }


def _without_clashes(rows: Iterator[Row]) -> Iterator[Row]:
    """Samples of different persons that would have one name, as ``a_1`` with ``2`` and ``a`` with ``1_2``."""
    owners: dict[str, str] = {}
    for row in rows:
        owner = owners.setdefault(row["sample_id"], row["person_id"])
        if owner != row["person_id"] and not row["problem"]:
            row["problem"] = (
                f"{row['sample_id']} would also be a sample of {owner}; give {row['person_id']} or the prompt another id"
            )
        yield row
