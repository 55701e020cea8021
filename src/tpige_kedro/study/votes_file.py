"""The file of votes: what tables it has, how it is opened, how many votes are in it."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from tpige_kedro.errors import TpigeError

FILE = "votes.sqlite"
FROM_FILES = "votes_from_files"  # a folder beside it, for what raters of a static page sent
SCHEMA = """
CREATE TABLE IF NOT EXISTS votes (
  vote_id TEXT PRIMARY KEY, rater TEXT NOT NULL, pair_id TEXT NOT NULL, question TEXT NOT NULL, answer TEXT NOT NULL,
  "left" TEXT NOT NULL, seconds REAL NOT NULL, voted_at TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS votes_of ON votes (rater, pair_id);
CREATE TABLE IF NOT EXISTS raters (
  code TEXT PRIMARY KEY, token_hash TEXT NOT NULL UNIQUE, made_at TEXT NOT NULL, expires_at TEXT NOT NULL, agreed_at TEXT NOT NULL DEFAULT ''
);
CREATE TABLE IF NOT EXISTS lists (
  rater TEXT NOT NULL, study TEXT NOT NULL, place INTEGER NOT NULL, pair_id TEXT NOT NULL, "left" TEXT NOT NULL,
  opened_at REAL, sent_left INTEGER NOT NULL DEFAULT 0, sent_right INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (rater, study, place)
);
"""


def opened(folder: Path) -> sqlite3.Connection:
    """The store in the folder of a study, made if it is not there, for many threads that take turns.

    WAL lets others read while it writes; ``synchronous=FULL`` waits for the disk before a vote is acknowledged.

    Raises:
        TpigeError: the file is damaged or cannot be opened.
    """
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / FILE
    try:
        found = sqlite3.connect(file, timeout=30, check_same_thread=False, isolation_level=None)
        found.execute("PRAGMA journal_mode=WAL")
        found.execute("PRAGMA synchronous=FULL")
        found.executescript(SCHEMA)
    except sqlite3.DatabaseError as error:
        raise unusable(file, error) from error
    return found


def count_votes(folder: Path) -> int:
    """How many votes a study has: those in the store in its ``folder``, and one for each file of votes that was put beside it."""
    files = len(list((folder / FROM_FILES).glob("*.json")))
    store = folder / FILE
    if not store.is_file():
        return files
    try:
        found = sqlite3.connect(store, timeout=30)
        try:
            tables = found.execute("SELECT 1 FROM sqlite_master WHERE name = 'votes'").fetchall()
            votes = found.execute("SELECT count(*) FROM votes").fetchone()[0] if tables else 0
        finally:
            found.close()
    except sqlite3.DatabaseError as error:
        raise unusable(store, error) from error
    return files + int(votes)


def unusable(file: Path, error: Exception) -> TpigeError:
    """What to say of a store that is damaged, or that cannot be opened."""
    return TpigeError(
        f"{file} cannot be used: {error}; put back a copy of it, or set the study aside: kedro study --reset"
    )
