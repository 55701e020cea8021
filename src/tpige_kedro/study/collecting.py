"""Collects the votes of a study from the server's store and from the files that raters of a static page sent."""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Collection, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import orjson
import pandas as pd

from tpige_kedro.errors import TpigeError
from tpige_kedro.study.votes_file import FILE, FROM_FILES, unusable

FORMAT = "tpige-study-votes/1"
COLUMNS = ("vote_id", "rater", "pair_id", "question", "answer", "left", "seconds", "voted_at")
ANSWERS, SIDES = ("a", "b", "tie", "unsure"), ("a", "b")
PATIENCE = 30  # seconds to wait for a server that is writing
SHOWN = 3  # names in one line

Row = tuple[Any, ...]


@dataclass(frozen=True)
class Collected:
    """The votes of all sources, each once, in the order in which they count; what was refused, in words; and unknown pairs."""

    votes: pd.DataFrame
    refused: Sequence[str]
    unknown: Sequence[str]  # ids that votes are about, and that the study does not have


class FileRefused(TpigeError):
    """A file of votes that cannot be taken: why, and what to do."""


def collect(folder: Path, study: str, pairs: Collection[str]) -> Collected:
    """The votes of the study in ``folder``: those of ``votes.sqlite`` in the order of the store, then those of the files by time.

    A vote that comes twice (by ``vote_id``) is taken once. A file that is damaged, of another study, or has a vote that cannot be
    is refused as a whole; the others are taken.

    Args:
        folder: that holds ``votes.sqlite`` and ``votes_from_files/``; both may be absent.
        study: the id that files have to name.
        pairs: the ids of the study's pairs; votes about others are taken, named, and do not count.

    Raises:
        TpigeError: the store cannot be read, so that nobody knows which votes there are.
    """
    rows, refused = store_rows(folder / FILE), []
    by_time: list[Row] = []
    for file in vote_files(folder / FROM_FILES):
        try:
            by_time += read_file(file, study)
        except FileRefused as error:
            refused.append(f"{file.name}: {error}")
    rows += sorted(by_time, key=lambda row: (_moment(row[-1]), row[0]))
    seen: dict[str, Row] = {}
    for row in rows:
        if seen.setdefault(row[0], row) != row:
            refused.append(f"vote {row[0]} is there twice with different content; the first one counts")  # fmt: skip
    unknown = dict.fromkeys(row[2] for row in seen.values() if row[2] not in pairs)
    votes = pd.DataFrame(list(seen.values()), columns=list(COLUMNS)).astype({"seconds": float})
    return Collected(votes, refused, list(unknown))


def store_rows(file: Path) -> list[Row]:
    """The votes of the server's store in the order in which they were given; none if it does not exist."""
    if not file.is_file():
        return []
    place = f"file:{quote(str(file.resolve()))}?mode=ro"
    columns = ", ".join(f'"{name}"' for name in COLUMNS)
    try:
        with closing(sqlite3.connect(place, uri=True, timeout=PATIENCE)) as store:
            there = store.execute("SELECT 1 FROM sqlite_master WHERE name = 'votes'").fetchone()
            if there is None:
                return []
            return store.execute(f"SELECT {columns} FROM votes ORDER BY rowid").fetchall()
    except sqlite3.Error as error:
        raise unusable(file, error) from error


def vote_files(folder: Path) -> Iterator[Path]:
    """The files of a folder in the order of their names, without hidden ones; none if it does not exist."""
    if folder.is_dir():
        yield from sorted(f for f in folder.iterdir() if not f.name.startswith("."))


def read_file(file: Path, study: str) -> list[Row]:
    """The votes of one file. Raises :class:`FileRefused`."""
    if file.suffix.lower() != ".json" or not file.is_file():
        raise FileRefused("no .json file; take it out of the folder")
    try:
        content = orjson.loads(file.read_bytes())
    except (OSError, orjson.JSONDecodeError) as error:
        raise FileRefused(f"cannot be read ({error}); ask the rater for the file again") from error
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise FileRefused(f"not a file of votes (its format is not {FORMAT}); take it out of the folder")  # fmt: skip
    if content.get("study") != study:
        raise FileRefused(
            f"votes of another study ({str(content.get('study'))[:40]}, this one is {study}); take it out of the folder, or put it into "
            "the data_root of that study"
        )
    votes = content.get("votes")
    if not isinstance(votes, list):
        raise FileRefused("has no list of votes; ask the rater for the file again")
    return [_checked(vote, number) for number, vote in enumerate(votes, 1)]


def _checked(vote: Any, number: int) -> Row:
    """A vote of a file as a row."""
    if not isinstance(vote, dict):
        raise FileRefused(f"vote {number} is not a mapping; ask the rater for the file again")
    problem = next(_problems(vote), None)
    if problem:
        raise FileRefused(f"vote {number}: {problem}; was the file changed? Ask the rater for it again")  # fmt: skip
    return tuple(float(vote[name]) if name == "seconds" else vote[name] for name in COLUMNS)


def _problems(vote: dict[str, Any]) -> Iterator[str]:
    """What is wrong with a vote."""
    for name in COLUMNS:
        value = vote.get(name)
        if name == "seconds":
            number = isinstance(value, int | float) and not isinstance(value, bool)
            if not number or not 0 <= value < math.inf:  # type: ignore[operator]  # it is a number
                yield f"seconds is {value!r}, which is no time"
        elif not isinstance(value, str) or not value.strip():
            yield f"{name} is {value!r}, which is no text"
    for name, known in (("answer", ANSWERS), ("left", SIDES)):
        if vote.get(name) not in known:
            yield f"{name} is {vote.get(name)!r}, which is none of {', '.join(known)}"
    if _moment(vote.get("voted_at")) == math.inf:
        yield f"voted_at is {vote.get('voted_at')!r}, which is no time in ISO 8601"


def _moment(text: Any) -> float:
    """A time as seconds since 1970, UTC if it says no zone; infinity if it is none."""
    try:
        found = datetime.fromisoformat(str(text))
        if found.tzinfo is None:
            found = datetime.fromisoformat(f"{text}+00:00")
        return found.timestamp()
    except (ValueError, OverflowError):
        return math.inf


def listed(names: Sequence[str]) -> str:
    """The first names, and how many more there are.

    >>> listed(["p1"]), listed(["p1", "p2", "p3", "p4", "p5"])
    ('p1', 'p1, p2, p3 and 2 more')
    """
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more
