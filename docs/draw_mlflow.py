"""Draws docs/mlflow.png: MLflow's chart page of the variants in a store, behind the README's link.

``python docs/draw_mlflow.py [mlflow.db]`` needs a store with a finished run, the extra ``test`` and a ``chromium`` on the path.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

from PIL import Image

from tpige_kedro.hooks.mlflow.pages import chart_link

ROOT = Path(__file__).resolve().parents[1]
PICTURE = ROOT / "docs/mlflow.png"
PAGE = {"width": 1440, "height": 900}  # of a laptop's browser
STARTING = 120  # seconds
CLOSE = '[data-component-id="mlflow.assistant.chat_panel.close"]'  # of the panel beside the charts
BARS = ".js-plotly-plot .bars path"


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def served(store: Path, port: int) -> subprocess.Popen[bytes]:
    """MLflow's pages of a store, once they answer."""
    command = [
        sys.executable,
        "-m",
        "mlflow",
        "ui",
        "--backend-store-uri",
        f"sqlite:///{store.resolve()}",
    ]
    quiet = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_DISABLE_TELEMETRY": "true"}
    server = subprocess.Popen(
        [*command, "--port", str(port), "--workers", "1"],
        env=os.environ | quiet,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    for _ in range(STARTING):
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=1).close()
            return server
        except (urllib.error.URLError, OSError):
            time.sleep(1)
    server.terminate()
    raise SystemExit(f"MLflow did not start in {STARTING} seconds; try `{' '.join(command)}`")


def shoot(address: str, browser: str) -> None:
    """Open the page, close the assistant's panel, wait for the bars, and save what is seen."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        window = playwright.chromium.launch(executable_path=browser, args=["--no-sandbox"])
        page = window.new_page(viewport=PAGE)
        page.goto(address)
        page.wait_for_selector(BARS, timeout=60_000, state="attached")
        if page.locator(CLOSE).count():
            page.locator(CLOSE).first.click()
        page.mouse.move(5, 5)
        page.wait_for_timeout(5000)  # charts take the room that the panel had
        page.screenshot(path=PICTURE)
        window.close()


def main() -> None:
    """See the module's first lines."""
    store = Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / "mlflow.db")
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if browser is None:
        raise SystemExit("no chromium on the path; install it (Debian: apt-get install chromium)")
    port = free_port()
    server = served(store, port)
    try:
        shoot(chart_link(f"http://127.0.0.1:{port}", "1"), browser)
    finally:
        server.terminate()
        server.wait()
    with Image.open(PICTURE) as shot:
        shot.convert("RGB").quantize(96).save(PICTURE, optimize=True)


if __name__ == "__main__":
    main()
