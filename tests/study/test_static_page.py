"""The study as a folder: it opens from disk, works without a server, and is as blind."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pandas as pd
import pytest
from drawn_study import VARIANTS, DrawnStudy

from browser import open_browser
from tpige_kedro.errors import TpigeError
from tpige_kedro.schemas.tables import STUDY_VOTES
from tpige_kedro.study.on_disk import Current
from tpige_kedro.study.static_page import write_folder

OPEN = "#questions button:not(:disabled)"
LISTS = 3


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> DrawnStudy:
    return DrawnStudy(tmp_path_factory.mktemp("study"), samples=3, pairs_per_rater=6).draw()


@pytest.fixture(scope="module")
def folder(study: DrawnStudy, tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = tmp_path_factory.mktemp("static") / "page"
    assert write_folder(Current(study.data_root), found, LISTS) > 6
    return found


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with open_browser() as found:
        yield found


def data_of(folder: Path) -> dict[str, Any]:
    text = (folder / "index.html").read_text()
    found = re.search(r'<script type="application/json" id="study-data">(.*?)</script>', text)
    assert found
    data: dict[str, Any] = json.loads(found[1])
    return data


def test_from_disk_without_anybody_else(
    study: DrawnStudy, folder: Path, browser: Any, tmp_path: Path
) -> None:
    context = browser.new_context(accept_downloads=True)
    page = context.new_page()
    problems: list[str] = []
    page.on("request", lambda r: r.url.startswith(("file:", "blob:", "data:")) or problems.append(r.url))  # fmt: skip
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("console", lambda m: m.type == "error" and problems.append(m.text))
    page.goto(f"file://{folder}/index.html?list=2")
    page.locator("#agree").click()
    for place, key in enumerate(("ArrowLeft", "ArrowRight", "t"), start=2):
        page.locator(OPEN).first.wait_for()
        page.keyboard.press(key)
        page.wait_for_url(f"**#{place}")
    page.goto(f"file://{folder}/index.html?list=2")  # closed and opened again
    page.wait_for_url("**#4")
    assert "<b>chef</b>" in page.locator("#prompt").inner_text() and page.title() != "run"
    for place in (5, 6, None):
        page.locator(OPEN).first.wait_for()
        page.keyboard.press("u")
        if place:
            page.wait_for_url(f"**#{place}")
    page.locator("#finished").wait_for()
    with page.expect_download() as coming:
        page.locator("#download").click()
    file = tmp_path / coming.value.suggested_filename
    coming.value.save_as(file)
    sent = json.loads(file.read_text())
    assert sent["format"] == "tpige-study-votes/1" and sent["study"] == study.material.load().study
    votes = STUDY_VOTES.validate(pd.DataFrame(sent["votes"]))
    assert list(votes["pair_id"]) == [pair["pair_id"] for pair in data_of(folder)["lists"][1]]
    first = [row.answer if row.answer not in "ab" else "left" if row.answer == row.left else "right" for row in votes.itertuples()]  # fmt: skip
    assert first == ["left", "right", "tie", "unsure", "unsure", "unsure"]
    assert file.name == f"votes-{votes['rater'][0]}.json" and votes["rater"].nunique() == 1
    page.locator("#finished .delete").click()
    page.locator("#delete").click()
    page.locator("#agree").wait_for()
    context.close()
    assert problems == []


def test_from_a_web_host(folder: Path, browser: Any) -> None:
    class Quiet(SimpleHTTPRequestHandler):
        def __init__(self, *given: Any, **more: Any) -> None:
            super().__init__(*given, directory=str(folder), **more)

        def log_message(self, *given: Any) -> None:
            pass

    host = ThreadingHTTPServer(("127.0.0.1", 0), Quiet)
    Thread(target=host.serve_forever, daemon=True).start()
    page = browser.new_page()
    page.goto(f"http://127.0.0.1:{host.server_address[1]}/")
    page.locator("#agree").click()
    page.locator(OPEN).first.click()
    page.wait_for_url("**#2")
    page.close()
    host.shutdown()
    host.server_close()


def test_it_is_blind(study: DrawnStudy, folder: Path) -> None:
    data = data_of(folder)
    text = (folder / "index.html").read_text()
    for words in (*VARIANTS, *study.ids, str(study.folder), "swapped", "attention", "damaged", "comparison"):  # fmt: skip
        assert words not in text, words
    pairs = [pair for one in data["lists"] for pair in one]
    assert {tuple(pair) for pair in pairs} == {("pair_id", "left", "clips", "picture", "prompt")}
    files = [file for file in folder.rglob("*") if file.is_file()]
    assert len({file.stat().st_mtime_ns for file in files}) == 1
    rows = {row.pair_id: row for row in study.pairs.itertuples()}
    sizes: dict[str, set[int]] = {}
    for pair in pairs:
        row = rows[pair["pair_id"]]
        for name in pair["clips"]:
            sizes.setdefault(row.sample_id, set()).add((folder / name).stat().st_size)
        sides = {"a": row.clip_a, "b": row.clip_b}
        assert pair["clips"][0] == f"clips/{sides[pair['left']]}.mp4"
    assert all(len(found) == 1 for found in sizes.values())
    used = {name for pair in pairs for name in (*pair["clips"], pair["picture"])} | {"index.html"}
    assert {file.relative_to(folder).as_posix() for file in files} == used


def test_lists_differ_and_are_the_same_when_written_again(
    study: DrawnStudy, folder: Path, tmp_path: Path
) -> None:
    lists = data_of(folder)["lists"]
    assert len(lists) == LISTS and len({json.dumps(one) for one in lists}) == LISTS
    again = tmp_path / "again"
    write_folder(Current(study.data_root), again, LISTS)
    assert (again / "index.html").read_bytes() == (folder / "index.html").read_bytes()


def test_who_withdrew_is_in_no_new_folder_and_old_files_go(
    study: DrawnStudy, folder: Path, tmp_path: Path
) -> None:
    mine = tmp_path / "page"
    shutil.copytree(folder, mine)
    write_folder(Current(study.data_root, lambda samples: samples & {"walker01"}), mine, 1)
    gone = study.pairs[study.pairs["sample_id"] == "walker01"]
    names = {*gone["clip_a"], *gone["clip_b"], *gone["reference"], *gone["pair_id"]}
    assert not any(file.stem in names for file in mine.rglob("*"))
    assert not any(name in (mine / "index.html").read_text() for name in names)
    with pytest.raises(TpigeError, match="no pair is left"):
        write_folder(Current(study.data_root, lambda samples: samples), mine, 1)


@pytest.mark.parametrize("name", ["notes.txt", ".git", "clips.txt"])
def test_a_folder_with_something_else_is_left_alone(
    study: DrawnStudy, tmp_path: Path, name: str
) -> None:
    (tmp_path / name).write_text("mine")
    with pytest.raises(TpigeError, match="something else"):
        write_folder(Current(study.data_root), tmp_path, 1)
    with pytest.raises(TpigeError, match="something else"):
        write_folder(Current(study.data_root), tmp_path / name, 1)
    assert (tmp_path / name).read_text() == "mine"
