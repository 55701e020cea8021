from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from kedro.io import DatasetError
from PIL import Image

from tpige_kedro.pipelines.reporting.sheet_nodes import (
    cut_strips,
    draw_sample_sheets,
    draw_variant_sheets,
)
from tpige_kedro.pipelines.reporting.sheets import (
    ACCENT,
    Sheet,
    draw_sheet,
    font,
    shorten,
    wrap,
)
from tpige_kedro.pipelines.reporting.strips import data_uri, make_strip, split_strip
from tpige_kedro.schemas import Reporting

ACCENT_RGB = tuple(int(ACCENT[i : i + 2], 16) for i in (1, 3, 5))
REPORTING = Reporting()


def accent_pixels(picture: Image.Image) -> int:
    return int((np.asarray(picture) == ACCENT_RGB).all(axis=-1).sum())


# --- strips


def test_a_strip_holds_the_even_frames_in_order(make_clip: Any) -> None:
    strip = make_strip(make_clip(90).even_frames(4))
    assert strip.size == (4 * 48, 32)
    clocks = [frame.getpixel((1, 1))[0] for frame in split_strip(strip, 4)]
    assert clocks[0] == 0 and clocks[-1] == 200 and clocks == sorted(set(clocks))


def test_large_clips_are_scaled_down_and_small_ones_kept() -> None:
    assert make_strip([Image.new("RGB", (832, 480))] * 4).size == (4 * 416, 240)
    assert make_strip([Image.new("RGB", (80, 80))] * 4).size == (320, 80)
    uri = data_uri(Image.new("RGB", (400, 200)), 100)
    assert uri.startswith("data:image/jpeg;base64,/9j/")


def completed(run: dict[str, Any]) -> dict[str, str]:
    return dict.fromkeys(run["strips"], "made so")


@pytest.fixture
def clips(make_clip: Any) -> dict[str, Any]:
    return {
        "clips_vace": {s: lambda: make_clip(50) for s in ("id1", "id2")},
        "clips_vace_pe": {"id1": lambda: make_clip(99)},
        "clips_hailuo": {},
    }


def cut(
    run: dict[str, Any], done: dict[str, str], clips: dict[str, Any], **changes: Any
) -> list[Any]:
    values = {
        "all_scores": run["all_scores"],
        "completed_clips": completed(run),
        "reporting": REPORTING,
    }
    return list(cut_strips(**values | changes, completed_strips=done, **clips))


def test_every_clip_has_its_strip_and_unchanged_ones_are_kept(
    run: dict[str, Any], clips: Any
) -> None:
    chunks = cut(run, {}, clips)
    strips = {k: v for strip, _, _ in chunks for k, v in strip.items()}
    records = {k: v["fingerprint"] for _, record, _ in chunks for k, v in record.items()}
    assert set(strips) == set(records) == {"vace/id1", "vace/id2", "vace_pe/id1"}
    assert cut(run, records, clips) == [({}, {}, {})]
    remade = {**completed(run), "vace/id2": "made anew"}
    again = cut(run, records, clips, completed_clips=remade)
    assert [key for strip, _, _ in again for key in strip] == ["vace/id2"]
    assert len(cut(run, records, clips, reporting=Reporting(frames=2))) == 4
    assert len(cut(run, {}, clips, completed_clips={"vace/id1": "x"})) == 2  # no record, no clip


def test_a_clip_that_cannot_be_read_does_not_stop_the_others(
    run: dict[str, Any], clips: Any
) -> None:
    def broken() -> Any:
        raise DatasetError("clip.mp4 is not a readable clip")

    clips["clips_vace"]["id1"] = broken
    chunks = cut(run, {}, clips)
    failures = [f for _, _, failed in chunks for f in failed.values() if f]
    assert [(f["stage"], f["key"]) for f in failures] == [("strips", "vace/id1")]
    assert len([key for strip, _, _ in chunks for key in strip]) == 2


# --- sheets


def test_a_sheet_per_sample_marks_the_chosen_clip(call: Any, run: dict[str, Any]) -> None:
    sheets = call(draw_sample_sheets)
    assert list(sheets) == ["id1", "id2"]
    first, second = (sheets[key]() for key in sheets)
    assert first.height > second.height  # id1 has a clip more
    assert accent_pixels(first) > 500
    nothing = run["selection"].assign(variant=None)
    assert accent_pixels(call(draw_sample_sheets, selection=nothing)["id1"]()) == 0


def test_the_frames_and_references_are_on_the_sheet(call: Any) -> None:
    picture = np.asarray(call(draw_sample_sheets)["id1"]())
    for colour in ((80, 80, 80), (120, 120, 120), (90, 120, 60), (255, 215, 0)):
        assert (picture == colour).all(axis=-1).sum() > 5000


def test_a_sheet_per_variant_with_clips(call: Any, run: dict[str, Any]) -> None:
    sheets = call(draw_variant_sheets)
    assert list(sheets) == ["vace", "vace_pe"]  # the skipped one has none
    assert sheets["vace"]().width > sheets["vace_pe"]().width
    assert accent_pixels(sheets["vace"]()) > 500


def test_a_sample_without_clips_has_a_sheet_too(call: Any) -> None:
    assert call(draw_sample_sheets, strips={})["id1"]().width >= 640
    assert call(draw_variant_sheets, strips={}) == {}


@pytest.mark.parametrize(
    "text", ["", "word " * 300, "x" * 10_000, "Ünïcödé Ελληνικά кириллица 漢字", "a\n\tb"]
)
def test_any_prompt_can_be_written(text: str) -> None:
    face = font(14)
    assert all(face.getlength(line) <= 640 for line in wrap(text, face, 640))
    assert "".join(wrap(text, face, 640)).replace(" ", "") == "".join(text.split())
    assert draw_sheet(Sheet("title", shorten(text, 900), (), ())).width >= 640
    assert len(shorten(text, 900)) <= 900 and shorten("abc", 3) == "abc"
