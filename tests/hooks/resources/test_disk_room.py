"""Room for downloads and results: simulated disks, real item folders."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from environments import parameters, stages
from tpige_kedro.datasets import ItemFolder, SampleFolder
from tpige_kedro.execution.machine import Room
from tpige_kedro.hooks.resources.disk import GB, check_disks, needs_of
from tpige_kedro.hooks.resources.downloads import Download
from tpige_kedro.hooks.resources.writes import Writes, expected_writes
from tpige_kedro.schemas import Parameters
from tpige_kedro.weights.parts import Part

CACHE, DATA = Path("/cache/hub"), Path("/results/clips/vace")


def download(size: float) -> Download:
    return Download(Part("source", "owner/name", None), ("vace",), round(size * GB))


def clips(count: int, size: int = 3_000_000, what: str = "clips") -> Writes:
    return Writes(what, count, size, DATA)


def problems(
    free: float, downloads: list[Download], writes: list[Writes], shared: bool = True
) -> list[str]:
    """On disks with this much free; ``shared``: one disk for all."""

    def look(folder: Path) -> Room:
        return Room(round(free * GB), 1 if shared else hash(folder.parts[1]))

    return list(check_disks(needs_of(downloads, CACHE, writes), look))


@pytest.mark.parametrize(("free", "fits"), [(29.9, False), (30.0, True), (500, True)])
def test_downloads_need_room(free: float, fits: bool) -> None:
    found = problems(free, [download(10), download(0), download(20)], [])
    assert fits is (not found)
    for text in found:
        assert text.startswith("/cache/hub: the disk has 29.9 GB free and will need 30.0 GB")
        assert "30.0 GB of downloads in /cache/hub" in text
        assert "set HF_HOME to a folder on another disk" in text
        assert "data_root" not in text


@pytest.mark.parametrize(("free", "fits"), [(2.9, False), (3.0, True)])
def test_results_need_room(free: float, fits: bool) -> None:
    found = problems(free, [], [clips(400), clips(600)])
    assert fits is (not found)
    for text in found:
        assert "the disk has 2.9 GB free and will need 3.0 GB" in text
        assert "about 3.0 GB of clips (1000 x 3.0 MB)" in text
        assert "--params=data_root=/path" in text
        assert "HF_HOME" not in text


def test_what_lies_on_one_disk_adds_up() -> None:
    both = [download(30)], [clips(1000), clips(500, 2_000_000, "strips")]
    assert problems(34, *both) == []
    (text,) = problems(33.9, *both)
    assert "will need 34.0 GB: 30.0 GB of downloads" in text
    assert "clips (1000 x 3.0 MB), about 1.0 GB of strips (500 x 2.0 MB)" in text
    assert "HF_HOME" in text and "data_root" in text
    assert problems(33.9, *both, shared=False) == []
    assert len(problems(1, *both, shared=False)) == 2


def test_nothing_to_write_needs_no_disk() -> None:
    assert problems(0, [download(0)], [clips(0)]) == []


class Catalog:
    """Item folders below a folder, and samples."""

    def __init__(self, root: Path, samples: int) -> None:
        (root / "samples" / "references").mkdir(parents=True)
        rows = [f"s{i},p{i},A man waves.,r{i}.png,synthetic" for i in range(samples)]
        table = "\n".join(["sample_id,person_id,prompt,reference,consent", *rows])
        (root / "samples" / "samples.csv").write_text(table)
        self.root = root

    def get(self, name: str) -> Any:
        if name == "samples":
            return SampleFolder(path=str(self.root / "samples"))
        return ItemFolder(path=str(self.root / name), suffix=".mp4")

    def finish(self, name: str, *keys: str) -> None:
        for key in keys:
            file = self.root / name / f"{key}.json"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text("{}")
            file.with_suffix(".mp4").write_bytes(b"clip")
            (file.parent / "_index.json").write_text("{}")


@pytest.fixture
def catalog(tmp_path: Path) -> Catalog:
    return Catalog(tmp_path, samples=3)


def written(
    settings: Parameters, catalog: Catalog, *names: str, **generators: str
) -> dict[tuple[str, str], tuple[int, int]]:
    found = expected_writes(stages(*names or ("full",)), settings, generators, catalog)
    return {(w.what, w.folder.name): (w.count, w.size) for w in found}


def test_clips_are_counted_by_variant_at_their_size(catalog: Catalog) -> None:
    """0.1 bytes a pixel and frame, measured with films."""
    large = round(0.1 * 832 * 480 * 81)
    settings = parameters("paper")
    found = written(settings, catalog, vace="vace_14b", vace_pe="vace_14b", hailuo="hailuo")
    assert found["clips", "vace"] == (3, large)
    assert found["clips", "vace_pe"] == (3, large)
    assert found["clips", "hailuo"] == (3, large), "a service that does not say"
    assert found["enhanced_references", "enhanced_references"] == (3, 1024 * 1024 * 2)
    frames = 240 * 416 + 2 * 150 * 260
    assert found["strips", "vace"] == (3, frames * 4 * 2)


def test_the_size_is_that_of_the_options_else_of_the_class(catalog: Catalog) -> None:
    small = written(parameters(), catalog, vace="mini_vace")
    assert small["clips", "vace"] == (3, round(0.1 * 80 * 80 * 17))
    assert small["strips", "vace"] == (3, 80 * 80 * 3 * 4 * 2), "never larger than the clip"
    known = parameters("paper").model_dump(mode="json")
    for name in ("height", "width", "num_frames"):
        del known["models"]["vace_14b"]["options"][name]
    found = written(Parameters.model_validate(known), catalog, vace="vace_14b")
    assert found["clips", "vace"] == (3, round(0.1 * 832 * 480 * 81))


def test_what_is_there_is_not_counted(catalog: Catalog) -> None:
    catalog.finish("clips", "vace/s0", "vace/s2")
    catalog.finish("enhanced_references", "s0", "s1", "s2")
    found = written(parameters(), catalog, vace="mini_vace", vace_pe="mini_vace")
    assert found["clips", "vace"][0] == 1
    assert found["clips", "vace_pe"][0] == 3
    assert ("enhanced_references", "enhanced_references") not in found
    catalog.finish("clips", "vace/s1", "vace/of_an_earlier_set")
    assert ("clips", "vace") not in written(parameters(), catalog, vace="mini_vace")


def test_a_run_that_makes_no_items_writes_none(catalog: Catalog) -> None:
    assert written(parameters(), catalog, "prompt_enhancement", vace="mini_vace") == {}
    assert written(parameters(), catalog, "moe_selection", vace="mini_vace") == {}


def test_samples_that_cannot_be_read_are_left_to_the_run(catalog: Catalog) -> None:
    file = catalog.root / "samples" / "samples.csv"
    file.write_bytes(b"\xff\xfe\x00bad")
    assert written(parameters(), catalog, vace="mini_vace") == {}
    file.unlink()
    assert written(parameters(), catalog, vace="mini_vace") == {}
