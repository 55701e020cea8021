"""Five raters in real browsers vote at once; the server is killed in the middle."""

from __future__ import annotations

import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from drawn_study import DrawnStudy

from browser import open_browser
from tpige_kedro.study.links import make_links
from tpige_kedro.study.votes_file import FILE
from tpige_kedro.study.votes_store import VotesStore

RATERS, EACH = 5, 40
# Answers whatever can be answered, like a rater in a hurry who clicks twice; and notes what the server acknowledged.
RATER = """
window.acknowledged = [];
const fetched = window.fetch;
window.fetch = async (url, options = {}) => {
  const answer = await fetched(url, options);
  if (String(url).endsWith("/votes") && answer.ok) window.acknowledged.push(JSON.parse(options.body));
  return answer;
};
setInterval(() => {
  for (const id of ["agree", "go-on"]) {
    const button = document.getElementById(id);
    if (button && button.offsetParent) button.click();
  }
  const open = [...document.querySelectorAll("#questions .current button:not(:disabled)")];
  if (open.length) { const button = open[Math.floor(Math.random() * open.length)]; button.click(); button.click(); }
}, 30);
"""


@contextmanager
def process(study: DrawnStudy, port: int) -> Iterator[subprocess.Popen[bytes]]:
    script = Path(__file__).with_name("serve.py")
    running = subprocess.Popen([sys.executable, str(script), str(study.data_root), str(port)])
    try:
        while True:
            assert running.poll() is None, "the server did not start"
            with socket.socket() as asking:
                if asking.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.02)
        yield running
    finally:
        running.kill()
        running.wait()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])


def test_no_acknowledged_vote_is_lost_and_none_is_there_twice(tmp_path: Path) -> None:
    with open_browser() as browser:
        study = DrawnStudy(tmp_path, samples=12, pairs_per_rater=EACH, break_after=15).draw()
        port = free_port()
        store = VotesStore(study.study_folder)
        links = [link for _, link in make_links(store, RATERS, f"http://127.0.0.1:{port}", None)]

        def count() -> int:
            with sqlite3.connect(study.study_folder / FILE, timeout=30) as db:
                return int(db.execute("SELECT count(*) FROM votes").fetchone()[0])

        pages = []
        with process(study, port):
            for link in links:
                page = browser.new_context(viewport={"width": 120, "height": 90}).new_page()
                page.add_init_script(RATER)
                page.goto(link)
                pages.append(page)
            while count() < RATERS * EACH // 3:
                pages[0].wait_for_timeout(20)
        killed_at = count()  # -9: the process had no moment to write anything
        assert killed_at < RATERS * EACH
        with process(study, port):
            for page in pages:
                page.locator("#finished").wait_for(timeout=120_000)
            acknowledged = [v for page in pages for v in page.evaluate("window.acknowledged")]
            for page in pages:
                page.context.close()
        with sqlite3.connect(study.study_folder / FILE) as db:
            rows = db.execute("SELECT vote_id, rater, pair_id FROM votes").fetchall()
        store.close()
        stored = [vote_id for vote_id, _, _ in rows]
        assert {vote["vote_id"] for vote in acknowledged} <= set(stored)
        assert len(stored) == len(set(stored)) == RATERS * EACH
        assert len({(rater, pair) for _, rater, pair in rows}) == RATERS * EACH
