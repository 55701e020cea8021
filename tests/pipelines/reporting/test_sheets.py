from __future__ import annotations

import numpy as np
import pytest
from finished_run import FinishedRun, clip, fill
from PIL import Image

from tpige_kedro.datasets import ItemFolder
from tpige_kedro.pipelines.reporting.sheets import (
    ACCENT,
    Sheet,
    draw_sheet,
    font,
    shorten,
    wrap,
)
from tpige_kedro.pipelines.reporting.strips import data_uri, make_strip, split_strip

ACCENT_RGB = tuple(int(ACCENT[i : i + 2], 16) for i in (1, 3, 5))


def accent_pixels(picture: Image.Image) -> int:
    return int((np.asarray(picture) == ACCENT_RGB).all(axis=-1).sum())


# --- strips


def test_a_strip_holds_the_even_frames_in_order() -> None:
    strip = make_strip(clip(90).even_frames(4))
    assert strip.size == (4 * 48, 32)
    clocks = [frame.getpixel((1, 1))[0] for frame in split_strip(strip, 4)]
    assert clocks[0] == 0 and clocks[-1] == 200 and clocks == sorted(set(clocks))


def test_large_clips_are_scaled_down_and_small_ones_kept() -> None:
    assert make_strip([Image.new("RGB", (832, 480))] * 4).size == (4 * 416, 240)
    assert make_strip([Image.new("RGB", (80, 80))] * 4).size == (320, 80)
    uri = data_uri(Image.new("RGB", (400, 200)), 100)
    assert uri.startswith("data:image/jpeg;base64,/9j/")


# --- sheets


def shown(items: ItemFolder) -> dict[str, Image.Image]:
    return items.load().loaded()


def test_a_sheet_per_sample_marks_the_chosen_clip(run: FinishedRun) -> None:
    run.report()
    sheets = shown(run.made["contact_sheets"])
    assert list(sheets) == ["id1", "id2"]
    assert sheets["id1"].height > sheets["id2"].height  # id1 has a clip more
    assert accent_pixels(sheets["id1"]) > 500
    run.report(selection=run.inputs["selection"].assign(variant=None, reason="nothing"))
    assert accent_pixels(shown(run.made["contact_sheets"])["id1"]) == 0


def test_the_frames_and_references_are_on_the_sheet(run: FinishedRun) -> None:
    run.report()
    picture = np.asarray(shown(run.made["contact_sheets"])["id1"]).astype(int)
    for colour in ((80, 80, 80), (120, 120, 120), (90, 120, 60), (255, 215, 0)):
        assert (abs(picture - colour).max(axis=-1) <= 2).sum() > 5000  # H.264 is lossy


def test_a_sheet_per_variant_with_clips(run: FinishedRun) -> None:
    run.report()
    sheets = shown(run.made["variant_sheets"])
    assert list(sheets) == ["vace", "vace_pe"]  # the skipped one has none
    assert sheets["vace"].width > sheets["vace_pe"].width
    assert accent_pixels(sheets["vace"]) > 500


def test_a_sample_without_clips_has_a_sheet_too(run: FinishedRun) -> None:
    fill(run.given["clips"], {})
    run.report()
    assert shown(run.made["contact_sheets"])["id1"].width >= 640
    assert shown(run.made["variant_sheets"]) == {}


@pytest.mark.parametrize(
    "text", ["", "word " * 300, "x" * 10_000, "Ünïcödé Ελληνικά кириллица 漢字", "a\n\tb"]
)
def test_any_prompt_can_be_written(text: str) -> None:
    face = font(14)
    assert all(face.getlength(line) <= 640 for line in wrap(text, face, 640))
    assert "".join(wrap(text, face, 640)).replace(" ", "") == "".join(text.split())
    assert draw_sheet(Sheet("title", shorten(text, 900), (), ())).width >= 640
    assert len(shorten(text, 900)) <= 900 and shorten("abc", 3) == "abc"
