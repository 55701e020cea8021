"""Draws docs/study.png and docs/study_phone.png: the page of a study that was drawn, as raters see it.

``python docs/draw_study.py [DATA_ROOT]`` needs the extras ``study`` and ``test`` and a ``chromium`` on the path. It works on a copy:
nothing is added to the study.
"""

from __future__ import annotations

import io
import shutil
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import uvicorn
from PIL import Image
from playwright.sync_api import sync_playwright

from tpige_kedro.study.links import make_links
from tpige_kedro.study.on_disk import FOLDER, Current
from tpige_kedro.study.page.app import make_app
from tpige_kedro.study.votes_store import VotesStore

ROOT = Path(__file__).resolve().parents[1]
DESK, PHONE = {"width": 1100, "height": 790}, {"width": 360, "height": 700}
GAP = 16  # pixels between pictures of the phone
ANSWERS = ("ArrowLeft", "t", "ArrowRight", "ArrowLeft")  # before the picture is taken
OPEN = "#questions button:not(:disabled)"


def main() -> None:
    """See the module's first lines."""
    data = Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / "data").resolve()
    if not (data / FOLDER / "pairs.parquet").is_file():
        raise SystemExit(f"there is no study in {data}; run kedro run --pipelines=study first")
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if browser is None:
        raise SystemExit("no chromium on the path; install it (Debian: apt-get install chromium)")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as running:
        copy = Path(folder)
        shutil.copytree(
            data / FOLDER, copy / FOLDER, ignore=shutil.ignore_patterns("votes*", "results")
        )
        opened = running.chromium.launch(executable_path=browser, args=["--no-sandbox"])
        with served(copy) as (desk, phone):
            page = opened.new_page(viewport=DESK)
            vote(page, desk)
            save([page.screenshot()], ROOT / "docs/study.png")
            context = opened.new_context(
                viewport=PHONE, device_scale_factor=1.5, has_touch=True, color_scheme="dark"
            )
            page = context.new_page()
            page.goto(phone)
            page.locator("#agree").wait_for()
            consent = page.screenshot()
            vote(page, phone)
            save([consent, page.screenshot()], ROOT / "docs/study_phone.png")
        opened.close()


@contextmanager
def served(data_root: Path) -> Iterator[list[str]]:
    """Two links to the page, on a free port."""
    store = VotesStore(data_root / FOLDER)
    listening = socket.create_server(("127.0.0.1", 0))
    app: Any = make_app(Current(data_root), store, ("127.0.0.1",))
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", access_log=False))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    base = f"http://127.0.0.1:{listening.getsockname()[1]}"
    yield [link for _, link in make_links(store, 2, base, None)]
    server.should_exit = True
    thread.join()
    store.close()


def vote(page: Any, link: str) -> None:
    """Answer the first pairs, and wait until the next one can be answered."""
    page.goto(link)
    page.locator("#agree").click()
    for place, key in enumerate(ANSWERS, start=2):
        page.locator(OPEN).first.wait_for()
        page.keyboard.press(key)
        page.wait_for_url(f"**#{place}")
    page.locator(OPEN).first.wait_for()


def save(shots: list[bytes], file: Path) -> None:
    """Pictures side by side, in few colours."""
    shown = [Image.open(io.BytesIO(shot)).convert("RGB") for shot in shots]
    width = sum(shot.width for shot in shown) + GAP * (len(shown) - 1)
    whole = Image.new("RGB", (width, shown[0].height), "white")
    left = 0
    for shot in shown:
        whole.paste(shot, (left, 0))
        left += shot.width + GAP
    whole.quantize(96).save(file, optimize=True)


if __name__ == "__main__":
    main()
