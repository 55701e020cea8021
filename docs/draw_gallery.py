"""Draws docs/gallery.png: the gallery of a finished laptop run (``kedro run --pipelines=full``), as a browser opens it from disk.

``python docs/draw_gallery.py [DATA_ROOT]`` needs a ``chromium`` on the path.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
PICTURE = ROOT / "docs/gallery.png"
PAGE = (1400, 860)
BARS = 143  # pixels of its window that headless Chromium keeps for bars which it does not draw
STATE = "sort=overall&of=vace_pe_ge&minus=vace"  # where guidance enhancement gains most comes first
LOADING = 6_000  # milliseconds of the page's own time


def main() -> None:
    """See the module's first lines."""
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if browser is None:
        raise SystemExit("no chromium on the path; install it (Debian: apt-get install chromium)")
    data = Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / "data").resolve()
    page = data / "08_reporting/gallery.html"
    if not page.is_file():
        raise SystemExit(f"there is no {page}; run kedro run --pipelines=full first")
    with tempfile.TemporaryDirectory() as folder:
        command = [browser, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"]
        command += ["--disable-background-networking", "--no-first-run", "--disable-sync"]
        command += [f"--user-data-dir={folder}/profile"]
        command += [f"--window-size={PAGE[0]},{PAGE[1] + BARS}"]
        command += [f"--virtual-time-budget={LOADING}", f"--screenshot={PICTURE}"]
        subprocess.run([*command, f"file://{page}#{STATE}"], check=True)
    with Image.open(PICTURE) as shot:
        shown = shot.convert("RGB").crop((0, 0, *PAGE))
    shown.quantize(96).save(PICTURE, optimize=True)


if __name__ == "__main__":
    main()
