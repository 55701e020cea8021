"""Measures the gallery of many samples in a browser: seconds to the first view, and memory.

``python -m benchmarks.scale.gallery --out DIR [--samples 1000] [--runs 3]`` writes a gallery of stand-in scores and links of one real clip
(832 x 480, 81 frames) and its strip, opens it from disk in a new Chromium for every run, and prints medians. It needs Playwright
and a ``chromium`` on the path.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import psutil

from tpige_kedro.datasets import Clip, Item, Mp4Dataset
from tpige_kedro.metrics.catalog import FACE_RATE, METRICS, OVERALL, PAPER_METRICS
from tpige_kedro.pipelines.reporting.comparison import DeclaredScores
from tpige_kedro.pipelines.reporting.gallery import collect_gallery, gallery_page
from tpige_kedro.pipelines.reporting.strips import make_strip
from tpige_kedro.schemas import Moe, Reporting

VARIANTS = ("phantom", "vace", "vace_pe", "vace_pe_ie", "vace_pe_ge", "phantom_pe_ge")
PROMPT = (
    "A video of a chef turning the head from side to side in a kitchen, while the camera comes closer. "
    * 3
)
FIRST_VIEW = """() => new Promise(done => {
    const look = () => {
        const seen = [...document.querySelectorAll('#grid .shot')].filter(s => s.getBoundingClientRect().top < innerHeight);
        if (seen.length && seen.every(s => s.querySelector('canvas'))) requestAnimationFrame(() => done(performance.now() / 1000));
        else setTimeout(look, 10);
    };
    look();
})"""


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--out", type=Path, required=True)
    options.add_argument("--samples", type=int, default=1000)
    options.add_argument("--runs", type=int, default=3)
    given = options.parse_args()
    page = make_gallery(given.out, given.samples)
    rows = [measure(page) for _ in range(given.runs)]
    for name in rows[0]:
        values = [row[name] for row in rows]
        print(
            f"{name:45} {statistics.median(values):8.2f}   ({min(values):.2f} to {max(values):.2f})"
        )


def make_gallery(root: Path, count: int) -> Path:
    """The page with its data, and links of one clip and one strip for all."""
    report = root / "08_reporting"
    shutil.rmtree(root, ignore_errors=True)
    report.mkdir(parents=True)
    ids = [f"sample{i:04}" for i in range(count)]
    clip, strip = root / "clip.mp4", root / "strip.png"
    content = moving_noise()
    Mp4Dataset(filepath=str(clip)).save(content)
    make_strip(content.even_frames(4)).save(strip, compress_level=1)
    for variant in VARIANTS:
        for folder, file in ((root / "07_model_output/clips", clip), (report / "strips", strip)):
            (folder / variant).mkdir(parents=True)
            for sample in ids:
                os.link(file, folder / variant / f"{sample}{file.suffix}")
    start = time.process_time()
    data = collect_gallery(*stand_ins(ids))
    print(f"data: {time.process_time() - start:.2f} CPU s, {len(data) / 1e6:.1f} MB")
    (report / "gallery_data.js").write_text(data)
    (report / "gallery.html").write_text(gallery_page(Reporting(title="Stand-ins")))
    return report / "gallery.html"


def moving_noise() -> Clip:
    """A clip that is as large as a real one: smooth noise that moves."""
    random = np.random.default_rng(0)
    small = random.integers(0, 255, (48, 120, 3), dtype=np.uint8)
    large = small.repeat(10, axis=0).repeat(10, axis=1)
    return Clip(np.stack([large[:, 4 * i : 4 * i + 832] for i in range(81)]), fps=16)


def stand_ins(ids: list[str]) -> tuple[Any, ...]:
    """What the node is given, made up."""
    count = len(ids)
    random = np.random.default_rng(1)
    scores = pd.DataFrame({"sample_id": ids * len(VARIANTS), "variant": np.repeat(VARIANTS, count)})
    for spec in (OVERALL, *PAPER_METRICS, FACE_RATE):
        scores[spec.name] = random.uniform(0.2, 0.9, len(scores))
        scores[f"{spec.name}_reason"] = None
    overview = pd.DataFrame(
        {"sample_id": ids, "person_id": [f"person{i // 5:03}" for i in range(count)]}
    )
    overview = overview.assign(
        prompt=PROMPT, enhanced_prompt=PROMPT, variant="vace_pe_ge", reason=None
    )
    status = pd.DataFrame({"variant": VARIANTS, "description": "stand-in"})
    facts: Mapping[str, Item] = {v: Item(v, v, Facts(ids)) for v in VARIANTS}
    return (
        overview,
        DeclaredScores(scores, METRICS),
        facts,
        status,
        Moe(experts=VARIANTS),
        Reporting(),
    )


class Facts:
    """Facts of clips as records of a real run have them."""

    def __init__(self, ids: list[str]) -> None:
        own = {"seconds": 463.2, "seed": "4882878774870356324", "made": "2026-11-28 12:00 UTC"}
        self.value = {
            "shared": {f"option{i}": "a value" for i in range(60)},
            "clips": dict.fromkeys(ids, own),
        }

    def load_item(self, key: str) -> Any:
        return self.value

    def path_of(self, key: str) -> Path:
        raise NotImplementedError

    def record_of(self, key: str) -> dict[str, Any]:
        raise NotImplementedError


def measure(file: Path) -> dict[str, float]:
    """One visit of a new browser: opened, filtered, sorted, played, and paged through."""
    from playwright.sync_api import sync_playwright

    program = shutil.which("chromium") or shutil.which("google-chrome")
    found: dict[str, float] = {}
    with sync_playwright() as running:
        browser = running.chromium.launch(executable_path=program, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.wait_for_timeout(500)
        blank = memory()
        page.goto(f"file://{file}")
        found["first view, s"] = page.evaluate(FIRST_VIEW)
        page.wait_for_timeout(1000)
        found |= {"blank page, renderer, MB": blank[0], "blank page, whole browser, MB": blank[1]}
        found |= named("first view", memory())
        for name, state in (
            ("sort by a difference, s", "sort=overall&of=vace_pe_ge&minus=vace"),
            ("filter by text, s", "q=sample09"),
        ):
            found[name] = page.evaluate(
                """state => new Promise(done => {
                const start = performance.now();
                addEventListener('hashchange', () => requestAnimationFrame(() => done((performance.now() - start) / 1000)), { once: true });
                location.replace('#' + state);
            })""",
                state,
            )
        page.click("#reset")
        page.click("#play-view")
        page.wait_for_timeout(8000)
        found |= named("8 s of all in view playing", memory())
        for _ in range(10):
            page.click(".pager button[data-step='1'] >> nth=0")
            for _ in range(5):
                page.mouse.wheel(0, 1500)
                page.wait_for_timeout(60)
        page.wait_for_timeout(1000)
        found |= named("after ten pages, playing", memory())
        browser.close()
    return found


def named(when: str, sizes: tuple[float, float]) -> dict[str, float]:
    return {f"{when}, renderer, MB": sizes[0], f"{when}, whole browser, MB": sizes[1]}


def memory() -> tuple[float, float]:
    """Of the largest page and of all processes of the browser: memory in MB, what is shared counted in parts (PSS)."""
    sizes = [(pss(process), process) for process in browser_processes()]
    pages = [size for size, process in sizes if "--type=renderer" in process.cmdline()]
    return max(pages, default=0.0), sum(size for size, _ in sizes)


def browser_processes() -> Iterator[psutil.Process]:
    for process in psutil.Process().children(recursive=True):
        if "chrom" in process.name():
            yield process


def pss(process: psutil.Process) -> float:
    try:
        return float(process.memory_full_info().pss) / 1e6
    except psutil.NoSuchProcess:
        return 0.0


if __name__ == "__main__":
    main()
