"""Votes and raters of a study in one SQLite file: a vote that was acknowledged is on the disk."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from tpige_kedro.study.dealing import Dealt
from tpige_kedro.study.votes_file import opened


class Vote(NamedTuple):
    """A row of the table of votes, see ``schemas.tables.STUDY_VOTES``."""

    vote_id: str
    rater: str
    pair_id: str
    question: str
    answer: str
    left: str
    seconds: float
    voted_at: str


class Place(NamedTuple):
    """Where a pair stands in a rater's list, which of its clips is left, and what the rater was sent of it."""

    place: int
    pair_id: str
    left: str
    opened_at: float | None
    sent_left: bool
    sent_right: bool


class VotesStore:
    """The open store, see :func:`.opened`. Raises ``TpigeError`` if its file is damaged."""

    def __init__(self, folder: Path) -> None:
        self._lock = threading.RLock()
        self._db = opened(folder)

    def close(self) -> None:
        """Nothing more is written."""
        with self._lock:
            self._db.close()

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """All of it or nothing is written."""
        with self._lock:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield self._db
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")

    def _rows(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        with self._lock:
            return self._db.execute(sql, values).fetchall()

    # --- votes

    def add(self, vote: Vote) -> bool:
        """Write a vote; one that is there already is not written twice. Returns False if another vote has its id."""
        with self._writing() as db:
            names = 'vote_id, rater, pair_id, question, answer, "left", seconds, voted_at'
            db.execute(f"INSERT OR IGNORE INTO votes ({names}) VALUES (?,?,?,?,?,?,?,?)", vote)
            sql = f"SELECT {names} FROM votes WHERE vote_id = ?"
            there = Vote(*db.execute(sql, (vote.vote_id,)).fetchone())
            return there[:6] == vote[:6]

    def answers(self, rater: str) -> dict[str, dict[str, str]]:
        """The last answer of a rater by pair and question."""
        sql = "SELECT pair_id, question, answer FROM votes WHERE rater = ? ORDER BY rowid"
        found: dict[str, dict[str, str]] = {}
        for pair_id, question, answer in self._rows(sql, rater):
            found.setdefault(pair_id, {})[question] = answer
        return found

    def counts(self, study: str, now: str) -> dict[str, int]:
        """By pair how many raters answered it, or have it in a list whose link still works."""
        sql = """
        SELECT pair_id, count(DISTINCT rater) FROM (
          SELECT pair_id, rater FROM votes
          UNION SELECT l.pair_id, l.rater FROM lists l JOIN raters r ON r.code = l.rater
          WHERE l.study = ? AND (r.expires_at = '' OR r.expires_at > ?)
        ) GROUP BY pair_id"""
        return dict(self._rows(sql, study, now))

    def forget_rater(self, rater: str) -> None:
        """Delete the votes and the list of a rater, whose link then begins from the start."""
        with self._writing() as db:
            db.execute("DELETE FROM votes WHERE rater = ?", (rater,))
            db.execute("DELETE FROM lists WHERE rater = ?", (rater,))
            db.execute("UPDATE raters SET agreed_at = '' WHERE code = ?", (rater,))

    # --- raters and what they are shown

    def add_rater(self, code: str, token_hash: str, made_at: str, expires_at: str) -> bool:
        """Write a rater. Returns False if the code is taken."""
        with self._writing() as db:
            sql = "INSERT OR IGNORE INTO raters (code, token_hash, made_at, expires_at) VALUES (?,?,?,?)"
            return db.execute(sql, (code, token_hash, made_at, expires_at)).rowcount == 1

    def rater(self, token_hash: str) -> tuple[str, str, bool] | None:
        """Code, when the link expires (empty: never), and whether the rater has agreed; None if nobody has this token."""
        sql = "SELECT code, expires_at, agreed_at <> '' FROM raters WHERE token_hash = ?"
        rows = self._rows(sql, token_hash)
        return (rows[0][0], rows[0][1], bool(rows[0][2])) if rows else None

    def raters(self) -> list[tuple[str, str, int]]:
        """Code, when the link expires, and how many pairs were answered, by when the link was made."""
        sql = """
        SELECT r.code, r.expires_at, count(DISTINCT v.pair_id) FROM raters r LEFT JOIN votes v ON v.rater = r.code
        GROUP BY r.code ORDER BY r.rowid"""
        return [(code, expires, count) for code, expires, count in self._rows(sql)]

    def agree(self, rater: str, at: str) -> None:
        """The rater has read the text and agreed."""
        with self._writing() as db:
            db.execute(
                "UPDATE raters SET agreed_at = ? WHERE code = ? AND agreed_at = ''", (at, rater)
            )

    def places(self, rater: str, study: str) -> list[Place]:
        """The list of a rater; empty if none was dealt."""
        sql = """
        SELECT place, pair_id, "left", opened_at, sent_left, sent_right FROM lists WHERE rater = ? AND study = ? ORDER BY place"""
        return [_place(row) for row in self._rows(sql, rater, study)]

    def place(self, rater: str, study: str, place: int) -> Place | None:
        """One place of it."""
        sql = """
        SELECT place, pair_id, "left", opened_at, sent_left, sent_right FROM lists WHERE rater = ? AND study = ? AND place = ?"""
        rows = self._rows(sql, rater, study, place)
        return _place(rows[0]) if rows else None

    def keep_list(self, rater: str, study: str, dealt: Sequence[Dealt]) -> None:
        """Write the list of a rater, unless another window was faster."""
        rows = [(rater, study, i, d.pair_id, d.left) for i, d in enumerate(dealt, start=1)]
        with self._writing() as db:
            sql = 'INSERT OR IGNORE INTO lists (rater, study, place, pair_id, "left") VALUES (?,?,?,?,?)'
            if not db.execute(
                "SELECT 1 FROM lists WHERE rater = ? AND study = ?", (rater, study)
            ).fetchone():
                db.executemany(sql, rows)

    def opened(self, rater: str, study: str, place: int, at: float) -> None:
        """The rater was shown a pair; the first time counts."""
        sql = "UPDATE lists SET opened_at = coalesce(opened_at, ?) WHERE rater = ? AND study = ? AND place = ?"
        with self._writing() as db:
            db.execute(sql, (at, rater, study, place))

    def sent(self, rater: str, study: str, place: int, side: str) -> None:
        """Every byte of a clip went out."""
        column = {"left": "sent_left", "right": "sent_right"}[side]
        with self._writing() as db:
            sql = f"UPDATE lists SET {column} = 1 WHERE rater = ? AND study = ? AND place = ?"
            db.execute(sql, (rater, study, place))


def _place(row: tuple[Any, ...]) -> Place:
    place, pair_id, left, opened_at, sent_left, sent_right = row
    return Place(place, pair_id, left, opened_at, bool(sent_left), bool(sent_right))
