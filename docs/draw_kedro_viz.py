"""Draws docs/kedro_viz.png: Kedro-Viz's first view of the pipeline ``full``, as a browser opens it.

``python docs/draw_kedro_viz.py`` needs the extra ``viz`` and a ``chromium`` on the path.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SIZE = "1600,1000"
NO_HINTS = "<script>localStorage.setItem('KedroViz', '{\"showFeatureHints\": false}')</script>"
LOADING = 15_000  # milliseconds of the page's own time


class Quiet(SimpleHTTPRequestHandler):
    """Serves the built pages without a line per request."""

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def build(folder: Path) -> Path:
    """Let Kedro-Viz write its pages, which it puts into the working directory, and move them to ``folder``."""
    subprocess.run([sys.executable, "-m", "kedro", "viz", "build"], cwd=ROOT, check=True)
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
        command += [f"--user-data-dir={folder}/profile", f"--window-size={SIZE}"]
        command += [f"--virtual-time-budget={LOADING}", f"--screenshot={ROOT}/docs/kedro_viz.png"]
        address = f"http://127.0.0.1:{server.server_port}/?pid=full"
        subprocess.run([*command, address], check=True)
        server.shutdown()


if __name__ == "__main__":
    main()
