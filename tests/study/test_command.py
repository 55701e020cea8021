"""``kedro study`` and what ``kedro forget`` takes out of a study."""

from __future__ import annotations

import re
import socket
from pathlib import Path
from typing import Any, ClassVar

import pandas as pd
import pytest
from click.testing import CliRunner, Result
from drawn_study import DrawnStudy
from kedro.framework.startup import bootstrap_project

from project import ROOT
from tpige_kedro.commands import study_people
from tpige_kedro.commands.forget import forget
from tpige_kedro.commands.study import study
from tpige_kedro.commands.study_people import ListedPeople
from tpige_kedro.errors import TpigeError
from tpige_kedro.study.on_disk import Current
from tpige_kedro.study.votes_file import count_votes
from tpige_kedro.study.votes_store import Vote, VotesStore


@pytest.fixture
def drawn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> DrawnStudy:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path / 'mlflow.db'}")
    monkeypatch.chdir(ROOT)
    bootstrap_project(ROOT)
    return DrawnStudy(tmp_path, samples=2).draw()


def run(drawn: DrawnStudy, *options: str, answer: str = "y\n") -> Result:
    roots = ["--data-root", str(drawn.data_root), "--samples-root", str(drawn.samples_root)]
    return CliRunner().invoke(study, [*roots, *options], input=answer)


def test_links_are_made_once_and_only_their_hashes_are_kept(drawn: DrawnStudy) -> None:
    found = run(drawn, "--links-only", "--raters", "5", "--port", "9000")
    assert found.exit_code == 0, found.output
    links = re.findall(r"^r\w{6}: http://127\.0\.0\.1:9000/r/(\S{32})$", found.output, re.MULTILINE)
    assert len(set(links)) == 5
    kept = b"".join(file.read_bytes() for file in drawn.study_folder.glob("votes.sqlite*"))
    assert not any(link.encode() in kept for link in links)
    again = run(drawn, "--links-only")
    assert again.output.count("0 pairs answered, until") == 5 and "http" not in again.output
    more = run(drawn, "--links-only", "--raters", "1", "--url", "https://study.example:8443/")
    assert re.search(r"https://study\.example:8443/r/\S{32}$", more.output, re.MULTILINE)


class Running:
    """Stands in for a server that runs until Ctrl-C."""

    made: ClassVar[list[tuple[Any, str]]] = []

    def __init__(self, config: Any) -> None:
        self.config = config

    def run(self, sockets: list[socket.socket]) -> None:
        assert self.config.access_log is False and self.config.server_header is False
        self.made.append((self.config.app, sockets[0].getsockname()[0]))
        raise KeyboardInterrupt


def test_it_serves_here_alone_unless_it_is_told_otherwise(
    drawn: DrawnStudy, monkeypatch: pytest.MonkeyPatch
) -> None:
    uvicorn = pytest.importorskip("uvicorn")
    monkeypatch.setattr(uvicorn, "Server", Running)
    monkeypatch.setattr(Running, "made", [])
    found = run(drawn, "--port", str(free_port()))
    assert found.exit_code == 0 and "/r/" in found.output and "stopped" in found.output
    assert "warning" not in found.output
    app, address = Running.made[0]
    assert address == "127.0.0.1" and "127.0.0.1" in app._hosts and "evil.example" not in app._hosts
    open_to_all = run(drawn, "--host", "0.0.0.0", "--port", str(free_port()))
    assert "anybody who can reach 0.0.0.0" in open_to_all.output
    assert Running.made[1][1] == "0.0.0.0" and not Running.made[1][0]._hosts
    run(drawn, "--url", "https://study.example", "--port", str(free_port()))
    assert "study.example" in Running.made[2][0]._hosts and Running.made[2][1] == "127.0.0.1"


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])


def test_a_port_that_is_taken_makes_no_link(drawn: DrawnStudy) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        found = run(drawn, "--port", str(taken.getsockname()[1]))
    assert found.exit_code == 1 and "choose another --port" in found.output
    assert not (drawn.study_folder / "votes.sqlite").exists()


def test_a_store_that_is_damaged_is_named(drawn: DrawnStudy) -> None:
    (drawn.study_folder / "votes.sqlite").write_bytes(b"no database" * 100)
    found = run(drawn, "--links-only")
    assert found.exit_code == 1 and "votes.sqlite cannot be used" in found.output
    with pytest.raises(TpigeError, match=r"votes\.sqlite cannot be used"):
        drawn.draw()


def test_a_missing_extra_is_one_message(drawn: DrawnStudy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "uvicorn", None)
    found = run(drawn, "--port", str(free_port()))
    assert found.exit_code == 1 and "pip install 'tpige_kedro[study]'" in found.output


def test_a_folder_is_written(drawn: DrawnStudy, tmp_path: Path) -> None:
    found = run(drawn, "--static", str(tmp_path / "page"), "--raters", "2")
    assert found.exit_code == 0 and "pairs in 2 lists" in found.output
    assert (tmp_path / "page" / "index.html").is_file()


@pytest.mark.parametrize("expires", ["", "14", "d", "0d", "-1d", "1.5h", "14 days", "99999d"])
def test_what_expires_cannot_be(drawn: DrawnStudy, expires: str) -> None:
    found = run(drawn, "--links-only", "--expires", expires)
    assert found.exit_code == 1 and "14d" in found.output


@pytest.mark.parametrize(
    "url", ["study.example", "https://", "https://a.b/study", "ftp://a.b", "https://a.b/?x=1"]
)
def test_an_address_that_links_cannot_begin_with(drawn: DrawnStudy, url: str) -> None:
    found = run(drawn, "--links-only", "--url", url)
    assert found.exit_code == 1 and "https://study.example.org" in found.output


def test_without_a_study(tmp_path: Path, drawn: DrawnStudy) -> None:
    for options in (["--links-only"], ["--static", str(tmp_path / "page")], ["--reset"]):
        given = [
            "--data-root",
            str(tmp_path / "nowhere"),
            "--samples-root",
            str(drawn.samples_root),
        ]
        found = CliRunner().invoke(study, [*given, *options], input="y\n")
        assert found.exit_code == 1 and "there is no study" in found.output
        assert not (tmp_path / "nowhere").exists() and not (tmp_path / "page").exists()


def test_a_half_drawn_or_damaged_study(drawn: DrawnStudy) -> None:
    about = drawn.study_folder / "material" / "study.json"
    whole = about.read_text()
    for content, words in (
        ("{", "damaged"),
        (whole.replace(drawn.material.load().study, "x" * 20), "in part only"),
    ):
        about.write_text(content)
        found = run(drawn, "--links-only")
        assert (
            found.exit_code == 1
            and words in found.output
            and "kedro run --pipelines=study" in found.output
        )
    about.write_text(whole)
    (drawn.study_folder / "pairs.parquet").write_bytes(b"PAR1")
    assert "damaged" in run(drawn, "--links-only").output


def test_reset_asks(drawn: DrawnStudy) -> None:
    assert run(drawn, "--reset", answer="n\n").exit_code == 1
    assert (drawn.study_folder / "pairs.parquet").is_file()
    found = run(drawn, "--reset")
    assert (
        found.exit_code == 0 and (drawn.study_folder / "earlier" / "1" / "pairs.parquet").is_file()
    )


# --- people


def test_nobody_is_shown_where_no_list_says_who_may(drawn: DrawnStudy, tmp_path: Path) -> None:
    other = DrawnStudy(tmp_path / "other", samples=1)
    other.consents = {"stranger": "granted"}
    other.write_samples()
    given = ["--data-root", str(drawn.data_root), "--samples-root", str(other.samples_root)]
    found = CliRunner().invoke(study, [*given, "--static", str(tmp_path / "page")])
    assert found.exit_code == 1 and "lists none of the study's samples" in found.output


@pytest.mark.parametrize("how", ["absent", "no", "row", "list"])
def test_who_withdraws_while_it_is_served_disappears(
    drawn: DrawnStudy, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    now = 100.0
    monkeypatch.setattr(study_people.time, "monotonic", lambda: now)
    current = Current(drawn.data_root, ListedPeople(drawn.samples_root).hidden)
    assert current.shown() == set(drawn.pairs["pair_id"])
    if how == "list":
        (drawn.samples_root / "samples.csv").unlink()
    elif how == "row":
        del drawn.consents["walker01"]
    else:
        drawn.consents["walker01"] = how
    if how != "list":
        drawn.write_samples()
    now += study_people.FRESH
    table = drawn.pairs
    expected = (
        set() if how == "list" else set(table.loc[table["sample_id"] == "walker00", "pair_id"])
    )
    assert current.shown() == expected


def test_who_did_not_consent_is_never_drawn(tmp_path: Path) -> None:
    drawn = DrawnStudy(tmp_path, samples=3)
    drawn.consents["walker02"] = "absent"
    drawn.write_samples()
    drawn.draw()
    assert set(drawn.pairs["sample_id"]) == {"walker00", "walker01"}
    assert len(drawn.material.load().pictures) == 2


def test_forget_takes_a_person_out_and_votes_of_others_stay(drawn: DrawnStudy) -> None:
    before = drawn.pairs
    mine = before[before["sample_id"] == "walker01"]
    store = VotesStore(drawn.study_folder)
    for i, pair_id in enumerate(before["pair_id"]):
        store.add(Vote(str(i), "rx", pair_id, "overall", "a", "a", 1.0, "2026"))
    store.close()
    current = Current(drawn.data_root)
    given = [
        "p-walker01",
        "--data-root",
        str(drawn.data_root),
        "--samples-root",
        str(drawn.samples_root),
        "--yes",
    ]
    found = CliRunner().invoke(forget, given)
    assert found.exit_code == 0, found.output
    assert f"note: {len(mine)} votes on pairs that show the person stay in study" in found.output
    assert "kedro study --static" in found.output
    left = drawn.pairs
    pd.testing.assert_frame_equal(
        left, before[before["sample_id"] != "walker01"].reset_index(drop=True)
    )
    assert left.attrs == before.attrs
    kept = b"".join(content for content, _ in drawn.files().values())
    for name in [*mine["clip_a"], *mine["clip_b"], *mine["reference"]]:
        assert not list(drawn.study_folder.rglob(f"{name}*")) and name.encode() not in kept
    assert b"walker01" not in kept
    assert count_votes(drawn.study_folder) == len(before)
    assert current.shown() == set(left["pair_id"])  # a server that runs goes on with the others
    assert "nothing of p-walker01" in CliRunner().invoke(forget, given).output
    del drawn.consents["walker01"]
    drawn.write_samples()
    drawn.draw()
    pd.testing.assert_frame_equal(drawn.pairs, left)


def test_forget_finds_a_study_that_was_set_aside(drawn: DrawnStudy) -> None:
    run(drawn, "--reset")
    given = [
        "p-walker01",
        "--data-root",
        str(drawn.data_root),
        "--samples-root",
        str(drawn.samples_root),
        "--yes",
    ]
    assert CliRunner().invoke(forget, given).exit_code == 0
    table = pd.read_parquet(drawn.study_folder / "earlier" / "1" / "pairs.parquet")
    assert set(table["sample_id"]) == {"walker00"}
