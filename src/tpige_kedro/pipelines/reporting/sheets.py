"""Contact sheets as pictures: one per sample with all its clips, one per variant with all its samples."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from PIL import Image, ImageDraw, ImageOps

from tpige_kedro.execution.work import fingerprint
from tpige_kedro.pipelines.reporting.samples import Picture
from tpige_kedro.pipelines.reporting.strips import scaled_to_height, side_by_side, split_strip

if TYPE_CHECKING:
    from PIL.ImageFont import FreeTypeFont

VERSION = 1  # raise it when sheets come out differently: they are then drawn again
INK, MUTED, ACCENT, PAPER, RULE = "#1c2024", "#6b7077", "#0b6e6e", "#ffffff", "#e3e1dc"
FRAME_HEIGHT = 150
REFERENCE_WIDTH = 190
MARGIN, GAP = 28, 6
LINE = 1.45  # line height in units of the font size


class Row(NamedTuple):
    """One clip on a sheet: a heading, the line of scores under it, and whether it was chosen."""

    heading: str
    scores: str
    strip: Picture
    chosen: bool = False
    reference: Picture | None = None  # beside the frames, on a sheet with many people


class Sheet(NamedTuple):
    """All that a contact sheet shows: title and text on top, labelled references at the left, a row per clip."""

    title: str
    text: str
    references: Sequence[tuple[str, Picture]]
    rows: Sequence[Row]
    frames: int = 4  # per strip
    columns: int = 1


def sheet_mark(sheet: Sheet) -> str:
    """A fingerprint of everything that is on the sheet; loads no picture."""
    rows = [
        (row.heading, row.scores, row.strip.mark, row.chosen, row.reference and row.reference.mark)
        for row in sheet.rows
    ]
    references = [(label, picture.mark) for label, picture in sheet.references]
    head = (sheet.title, sheet.text, sheet.frames, sheet.columns)
    return fingerprint(version=VERSION, head=head, references=references, rows=rows)


@cache
def font(size: int, bold: bool = False) -> FreeTypeFont:
    """The font that comes with matplotlib, the same on every machine; Pillow's own lacks ✓, –, accents, Greek and Cyrillic."""
    from pathlib import Path

    import matplotlib
    from PIL import ImageFont

    name = "DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf"
    return ImageFont.truetype(str(Path(matplotlib.get_data_path()) / "fonts" / "ttf" / name), size)


def longest_prefix(word: str, face: FreeTypeFont, width: int) -> int:
    """How many letters of ``word`` fit into ``width`` pixels."""
    lengths = range(1, len(word) + 1)
    return bisect_right(lengths, width, key=lambda n: math.ceil(face.getlength(word[:n])))


def wrap(text: str, face: FreeTypeFont, width: int) -> list[str]:
    """Break ``text`` into lines of at most ``width`` pixels, at spaces; a longer word is cut."""
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if face.getlength(longer) <= width:
            lines[-1] = longer
            continue
        while (fitting := max(1, longest_prefix(word, face, width))) < len(word):
            lines.append(word[:fitting])
            word = word[fitting:]  # noqa: PLW2901
        lines.append(word)
    return [line for line in lines if line]


def shorten(text: str, letters: int) -> str:
    """At most so many letters of ``text``; a longer one ends in an ellipsis.

    >>> shorten("A chef cooks.", 7)
    'A chef…'
    """
    return text if len(text) <= letters else f"{text[: letters - 1]}…"


def write(
    draw: ImageDraw.ImageDraw,
    place: tuple[int, int],
    text: str,
    width: int,
    *,
    size: int = 13,
    colour: str = INK,
    bold: bool = False,
) -> int:
    """Write ``text`` in lines of ``width`` pixels from ``place`` (left, top); returns the y below it."""
    left, top = place
    for line in wrap(text, font(size, bold), width):
        draw.text((left, top), line, fill=colour, font=font(size, bold))
        top += round(size * LINE)
    return top


def draw_row(row: Row, frames: int) -> Image.Image:
    """The frames of one clip with heading and scores under them; the chosen one has a bar and a mark."""
    pictures = [scaled_to_height(f, FRAME_HEIGHT) for f in split_strip(row.strip.load(), frames)]
    strip = side_by_side(pictures, gap=2, colour=PAPER)
    if row.reference is not None:
        reference = scaled_to_height(row.reference.load().convert("RGB"), FRAME_HEIGHT)
        strip = side_by_side([reference, strip], gap=3 * GAP, colour=PAPER)
    bar = 14
    picture = Image.new("RGB", (strip.width + bar, 1000), PAPER)
    draw = ImageDraw.Draw(picture)
    picture.paste(strip, (bar, 0))
    heading = f"{row.heading}   ✓ chosen" if row.chosen else row.heading
    colour = ACCENT if row.chosen else INK
    bottom = write(
        draw, (bar, FRAME_HEIGHT + GAP), heading, strip.width, size=14, colour=colour, bold=True
    )
    bottom = write(draw, (bar, bottom), row.scores, strip.width, size=12, colour=MUTED)
    if row.chosen:
        draw.rectangle((0, 0, 4, bottom - GAP), fill=ACCENT)
    return picture.crop((0, 0, picture.width, bottom))


def draw_references(references: Sequence[tuple[str, Picture]]) -> Image.Image:
    """The reference pictures one above the other, each with its label."""
    box = (REFERENCE_WIDTH, 2 * REFERENCE_WIDTH)
    pictures = [
        ImageOps.contain(p.load().convert("RGB"), box, Image.Resampling.LANCZOS)
        for _, p in references
    ]
    column = Image.new("RGB", (REFERENCE_WIDTH, sum(p.height + 100 for p in pictures)), PAPER)
    draw = ImageDraw.Draw(column)
    top = 0
    for (label, _), picture in zip(references, pictures, strict=True):
        column.paste(picture, (0, top))
        top = (
            write(
                draw, (0, top + picture.height + GAP), label, REFERENCE_WIDTH, size=12, colour=MUTED
            )
            + 2 * GAP
        )
    return column.crop((0, 0, REFERENCE_WIDTH, top))


def arrange(rows: Sequence[Image.Image], columns: int) -> Image.Image:
    """Pictures in columns, filled row by row."""
    gap = 3 * GAP
    bands = [rows[i : i + columns] for i in range(0, len(rows), columns)]
    width = max(sum(p.width for p in band) + 2 * gap * (len(band) - 1) for band in bands)
    heights = [max(p.height for p in band) for band in bands]
    block = Image.new("RGB", (width, sum(heights) + gap * (len(bands) - 1)), PAPER)
    top = 0
    for band, height in zip(bands, heights, strict=True):
        left = 0
        for picture in band:
            block.paste(picture, (left, top))
            left += picture.width + 2 * gap
        top += height + gap
    return block


def draw_sheet(sheet: Sheet) -> Image.Image:
    """The finished page: title and text on top, references at the left, clips at the right."""
    parts = (
        [arrange([draw_row(row, sheet.frames) for row in sheet.rows], sheet.columns)]
        if sheet.rows
        else []
    )
    if sheet.references:
        parts.insert(0, draw_references(sheet.references))
    body = (
        side_by_side(parts, gap=MARGIN, colour=PAPER)
        if parts
        else Image.new("RGB", (640, 1), PAPER)
    )
    width = max(body.width, 640)
    page = Image.new("RGB", (width + 2 * MARGIN, 4000), PAPER)
    draw = ImageDraw.Draw(page)
    top = write(draw, (MARGIN, MARGIN), sheet.title, width, size=20, bold=True)
    top = write(draw, (MARGIN, top + GAP), sheet.text, width, size=14) + GAP
    draw.line((MARGIN, top, MARGIN + width, top), fill=RULE)
    top += 2 * GAP
    finished = page.crop((0, 0, page.width, top + body.height + MARGIN))
    finished.paste(PAPER, (0, top, page.width, finished.height))
    finished.paste(body, (MARGIN, top))
    return finished
