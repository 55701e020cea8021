"""Votes from the server's store and from raters' files: each once, in order, and nothing wrong in silence."""

from __future__ import annotations

import json
import sqlite3
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from tpige_kedro.errors import TpigeError
from tpige_kedro.schemas.tables import STUDY_VOTES
from tpige_kedro.study.collecting import FORMAT, collect
from tpige_kedro.study.simulated import Behaviour, simulate_votes
from tpige_kedro.study.votes_file import FILE, FROM_FILES
from tpige_kedro.study.votes_store import Vote, VotesStore
from voting import STRONG, pair_list

STUDY = "5f5e"
PAIRS = {f"p{i}" for i in range(9)}


def vote(name: str, **changes: Any) -> dict[str, Any]:
    return {
        "vote_id": name, "rater": "ada", "pair_id": "p1", "question": "overall", "answer": "a", "left": "b",
        "seconds": 4.5, "voted_at": "2026-11-28T10:00:00+00:00", **changes,
    }  # fmt: skip


def drop(folder: Path, name: str, votes: Any, **changes: Any) -> Path:
    """A file as the static page lets raters save it."""
    file = folder / FROM_FILES / name
    file.parent.mkdir(exist_ok=True)
    file.write_text(json.dumps({"format": FORMAT, "study": STUDY, "votes": votes, **changes}))
    return file


def keep(folder: Path, *votes: dict[str, Any]) -> None:
    """In the store, as the server does."""
    store = VotesStore(folder)
    for given in votes:
        assert store.add(Vote(**given))
    store.close()


def test_before_any_vote_the_table_is_empty_and_valid(tmp_path: Path) -> None:
    found = collect(tmp_path / "absent", STUDY, PAIRS)
    assert found.votes.empty and not found.refused
    STUDY_VOTES.validate(found.votes)
    VotesStore(tmp_path).close()
    assert collect(tmp_path, STUDY, PAIRS).votes.empty


def test_both_sources_are_collected_and_each_vote_once(tmp_path: Path) -> None:
    keep(tmp_path, vote("n2"), vote("n1", answer="tie"))
    drop(tmp_path, "bob.json", [vote("n3", rater="bob"), vote("n2")])
    drop(tmp_path, "bob (1).JSON", [vote("n3", rater="bob"), vote("n4", rater="bob", seconds=3)])
    found = collect(tmp_path, STUDY, PAIRS)
    assert found.votes["vote_id"].tolist() == ["n2", "n1", "n3", "n4"], "the store's order first"
    assert not found.refused
    STUDY_VOTES.validate(found.votes)


def test_votes_of_files_are_in_the_order_in_which_they_were_given(tmp_path: Path) -> None:
    """Whatever the files are called, and whatever zone a clock is in: the last answer to a pair counts."""
    times = {"n1": "2026-11-28T10:00:00+00:00", "n2": "2026-11-28T12:30:00+02:00", "n3": "2026-11-28T09:45:00"}  # fmt: skip
    for name, at in times.items():
        drop(tmp_path, f"z{name}.json", [vote(name, voted_at=at)])
    assert collect(tmp_path, STUDY, PAIRS).votes["vote_id"].tolist() == ["n3", "n1", "n2"]


def test_votes_of_a_server_that_is_running_are_read(tmp_path: Path) -> None:
    store = VotesStore(tmp_path)
    store.add(Vote(**vote("n1")))
    assert collect(tmp_path, STUDY, PAIRS).votes["vote_id"].tolist() == ["n1"]
    store.close()


def test_what_a_simulated_study_left_is_what_is_collected(tmp_path: Path) -> None:
    pairs = pair_list(list(STRONG), 4)
    votes = simulate_votes(pairs, ["ada", "bob"], Behaviour(STRONG), 0)
    keep(tmp_path, *votes[:20].to_dict("records"))
    drop(tmp_path, "rest.json", votes[20:].to_dict("records"))
    found = collect(tmp_path, STUDY, set(pairs["pair_id"])).votes
    assert found.to_dict("records") == votes.to_dict("records")


@pytest.mark.parametrize(
    "content, said",
    [
        (b"", "cannot be read"),
        (b'{"format": "tpige-study-votes/1", "votes": [', "cannot be read"),
        (b"\xff\xfe\x00", "cannot be read"),
        (b"[]", "not a file of votes"),
        (b'{"votes": []}', "not a file of votes"),
        (b'{"format": "tpige-study-votes/2"}', "not a file of votes"),
    ],
)
def test_a_file_that_is_none_of_votes_is_refused_by_name(
    tmp_path: Path, content: bytes, said: str
) -> None:
    keep(tmp_path, vote("n1"))
    drop(tmp_path, "a good one.json", [vote("n2")])
    drop(tmp_path, "bad.json", []).write_bytes(content)
    found = collect(tmp_path, STUDY, PAIRS)
    assert found.votes["vote_id"].tolist() == ["n1", "n2"], "the others count"
    (problem,) = found.refused
    assert problem.startswith("bad.json: ") and said in problem


@pytest.mark.parametrize(
    "changes, said",
    [
        ({"answer": "c"}, "answer is 'c'"),
        ({"answer": None}, "answer is None"),
        ({"left": "left"}, "left is 'left'"),
        ({"seconds": -1}, "seconds is -1"),
        ({"seconds": "4"}, "seconds is '4'"),
        ({"seconds": True}, "seconds is True"),
        ({"seconds": None}, "seconds is None"),
        ({"rater": ""}, "rater is ''"),
        ({"vote_id": 7}, "vote_id is 7"),
        ({"pair_id": ["p1"]}, "pair_id is ['p1']"),
        ({"question": "  "}, "question is '  '"),
        ({"voted_at": "yesterday"}, "voted_at is 'yesterday'"),
    ],
)
def test_a_file_with_a_vote_that_cannot_be_is_refused_whole(
    tmp_path: Path, changes: dict[str, Any], said: str
) -> None:
    drop(tmp_path, "bob.json", [vote("n1"), vote("n2", **changes)])
    found = collect(tmp_path, STUDY, PAIRS)
    assert found.votes.empty
    (problem,) = found.refused
    assert problem.startswith("bob.json: vote 2: ") and said in problem


@pytest.mark.parametrize("votes", [None, {}, "n1", [3], [None]])
def test_a_file_without_a_list_of_votes_is_refused(tmp_path: Path, votes: Any) -> None:
    drop(tmp_path, "bob.json", votes)
    assert "bob.json: " in collect(tmp_path, STUDY, PAIRS).refused[0]


def test_votes_of_another_study_are_refused_by_name(tmp_path: Path) -> None:
    drop(tmp_path, "bob.json", [vote("n1")], study="another")
    found = collect(tmp_path, STUDY, PAIRS)
    assert found.votes.empty
    assert found.refused[0].startswith("bob.json: votes of another study (another, this one is 5f5e)")  # fmt: skip


def test_other_things_in_the_folder_are_said_and_hidden_ones_are_not(tmp_path: Path) -> None:
    drop(tmp_path, "bob.json", [vote("n1")])
    drop(tmp_path, "notes.txt", [])
    drop(tmp_path, ".DS_Store", [])
    (tmp_path / FROM_FILES / "old.json").mkdir()
    refused = collect(tmp_path, STUDY, PAIRS).refused
    assert [line.partition(":")[0] for line in refused] == ["notes.txt", "old.json"]


def test_votes_about_unknown_pairs_are_taken_and_named(tmp_path: Path) -> None:
    keep(tmp_path, vote("n1"), *(vote(f"m{i}", pair_id=f"gone{i}") for i in range(5)))
    found = collect(tmp_path, STUDY, PAIRS)
    assert len(found.votes) == 6
    assert found.unknown == [f"gone{i}" for i in range(5)] and not found.refused


def test_one_id_with_two_contents_is_said_and_the_first_counts(tmp_path: Path) -> None:
    keep(tmp_path, vote("n1"))
    drop(tmp_path, "bob.json", [vote("n1", answer="b")])
    found = collect(tmp_path, STUDY, PAIRS)
    assert found.votes["answer"].tolist() == ["a"]
    assert "vote n1 is there twice with different content" in found.refused[0]


def test_a_damaged_store_stops_with_the_remedy(tmp_path: Path) -> None:
    """Nobody knows which votes are in it: results without them would be wrong."""
    (tmp_path / FILE).write_bytes(b"SQLite format 3\0" + 200 * b"x")
    with pytest.raises(TpigeError, match=r"votes.sqlite cannot be used: .*; put back a copy"):
        collect(tmp_path, STUDY, PAIRS)


def test_a_store_without_votes_of_another_program_is_empty(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / FILE) as store:
        store.execute("CREATE TABLE others (x)")
    store.close()
    assert collect(tmp_path, STUDY, PAIRS).votes.empty


def test_the_format_is_the_one_that_the_static_page_writes() -> None:
    script = files("tpige_kedro.study.page").joinpath("templates/js/folder_source.js")
    assert f'format: "{FORMAT}"' in script.read_text()
