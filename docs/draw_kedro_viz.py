"""Draws docs/kedro_viz.png: Kedro-Viz's first view of the pipeline ``full``, as a browser opens it, without the map in the corner.

``python docs/draw_kedro_viz.py`` needs the extra ``viz`` and a ``chromium`` on the path.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
PICTURE = ROOT / "docs/kedro_viz.png"
PAGE = (1440, 900)  # of a laptop's browser
BARS = 143  # pixels of its window that headless Chromium keeps for bars which it does not draw
STATE = {  # no hints; the map in the corner, which lies on some names, is closed
    "showFeatureHints": False,
    "visible": {"graph": True, "sidebar": True, "miniMap": False},
}
NO_HINTS = f"<script>localStorage.setItem('KedroViz', '{json.dumps(STATE)}')</script>"
LOADING = 15_000  # milliseconds of the page's own time


class Quiet(SimpleHTTPRequestHandler):
    """Serves the built pages without a line per request."""

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def build(folder: Path) -> Path:
    """Let Kedro-Viz write its pages, which it puts into the working directory, and move them to ``folder``."""
    same_order = os.environ | {"PYTHONHASHSEED": "3"}  # else a row's order changes with each build
    command = [sys.executable, "-m", "kedro", "viz", "build"]
    subprocess.run(command, cwd=ROOT, check=True, env=same_order)
    pages = Path(shutil.move(ROOT / "build", folder / "build"))
    start = pages / "index.html"
    start.write_text(start.read_text().replace("<head>", f"<head>{NO_HINTS}", 1))
    return pages


def main() -> None:
    """See the module's first lines."""
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if browser is None:
        raise SystemExit("no chromium on the path; install it (Debian: apt-get install chromium)")
    with tempfile.TemporaryDirectory() as folder:
        pages = build(Path(folder))
        server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(pages)))
        threading.Thread(target=server.serve_forever, daemon=True).start()
        command = [browser, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"]
        command += ["--disable-background-networking", "--no-first-run", "--disable-sync"]
        command += [f"--user-data-dir={folder}/profile"]
        command += [f"--window-size={PAGE[0]},{PAGE[1] + BARS}"]
        command += [f"--virtual-time-budget={LOADING}", f"--screenshot={PICTURE}"]
        address = f"http://127.0.0.1:{server.server_port}/?pid=full"
        subprocess.run([*command, address], check=True)
        server.shutdown()
    with Image.open(PICTURE) as shot:
        page = shot.convert("RGB").crop((0, 0, *PAGE))
    page.quantize(96).save(PICTURE, optimize=True)


if __name__ == "__main__":
    main()
