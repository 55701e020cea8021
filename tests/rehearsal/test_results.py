"""The size of a full run's results: also of variants that were not run, and without the size of noise."""

from __future__ import annotations

from pathlib import Path

import pytest

from tpige_kedro.rehearsal.rehearse import Rehearsal
from tpige_kedro.rehearsal.results import bytes_of_run
from tpige_kedro.rehearsal.settings import Settings

FULL_CLIP = 832 * 480 * 81 * 0.1  # as before a run: 0.1 bytes a pixel and frame


@pytest.fixture(scope="module")
def small() -> Rehearsal:
    return Rehearsal.of(Settings(env="vace_1_3b", scale="tiny"))


def left(data: Path, sizes: dict[str, int]) -> None:
    for name, size in sizes.items():
        file = data / name
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("wb") as opened:
            opened.truncate(size)


@pytest.mark.parametrize(
    ("sizes", "each", "once"),
    [
        ({"07_model_output/clips/vace/a.mp4": 1000}, 3500, 0),  # 2 of VACE's 7 were run
        ({"07_model_output/clips/vace/a.mp4": 50_000_000}, 3.5 * FULL_CLIP, 0),  # noise
        ({"07_model_output/clips/phantom/a.json": 1000}, 1000, 0),  # both of Phantom's were
        ({"07_model_output/clips/phantom/a.mp4": 9, "02_intermediate/b.json": 5}, 14, 0),
        ({"08_reporting/strips/vace_pe_ge/a.png": 100}, 350, 0),
        ({"08_reporting/contact_sheets/a.png": 100}, 200, 0),  # 10 variants in place of 5
        ({"08_reporting/report.html": 300, "08_reporting/variant_sheets/vace.png": 20}, 0, 320),
    ],
)
def test_bytes_of_a_full_run(
    small: Rehearsal, sizes: dict[str, int], each: float, once: float, tmp_path: Path
) -> None:
    left(tmp_path, sizes)
    for samples, wanted in ((1, 100), (2, 1000)):
        found = bytes_of_run(tmp_path, small.stages, small.parameters, samples, wanted)
        assert found == pytest.approx(each / samples * wanted + once)
