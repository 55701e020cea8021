"""Draws docs/overview.png from a finished run: the people, and one frame of every variant's clip of each.

``python docs/draw_overview.py [data folder of the run]``
"""

from __future__ import annotations

import sys
from pathlib import Path

import pandas as pd
from PIL import Image, ImageDraw

from tpige_kedro.datasets.mp4 import Mp4Dataset
from tpige_kedro.pipelines.reporting.sheets import ACCENT, INK, MUTED, PAPER, font

ROOT = Path(__file__).resolve().parents[1]
TILE, GAP, LEFT, TOP = 128, 6, 150, 12
FRAME = 0.5  # of the clip


def main() -> None:
    """See the module's first lines."""
    data = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "data"
    prompts = pd.read_parquet(data / "05_model_input" / "enhanced_prompts.parquet")
    chosen = pd.read_parquet(data / "08_reporting" / "selection.parquet").set_index("sample_id")
    clips = data / "07_model_output" / "clips"
    variants = [
        "vace",
        "vace_pe",
        "vace_pe_ie",
        "vace_pe_ge",
        "phantom",
        "phantom_pe_ge",
    ]
    rows = ["reference", *variants]
    width = LEFT + len(prompts) * (TILE + GAP)
    sheet = Image.new("RGB", (width, TOP + len(rows) * (TILE + GAP) + 30), PAPER)
    draw = ImageDraw.Draw(sheet)
    for r, name in enumerate(rows):
        y = TOP + r * (TILE + GAP)
        draw.text(
            (8, y + TILE // 2 - 8),
            name,
            INK,
            font(13, bold=True),
        )
        for c, row in enumerate(prompts.itertuples()):
            x = LEFT + c * (TILE + GAP)
            if name == "reference":
                picture = Image.open(
                    ROOT / "data" / "01_raw" / "demo" / "references" / f"{row.person_id}.png"
                )
            else:
                frames = (
                    Mp4Dataset(filepath=str(clips / name / f"{row.sample_id}.mp4")).load().frames
                )
                picture = Image.fromarray(frames[int(FRAME * (len(frames) - 1))])
            sheet.paste(
                picture.convert("RGB").resize((TILE, TILE), Image.Resampling.BICUBIC), (x, y)
            )
            if name == chosen["variant"].get(row.sample_id):
                draw.rectangle((x - 1, y - 1, x + TILE, y + TILE), outline=ACCENT, width=3)
    for c, row in enumerate(prompts.itertuples()):
        role = row.sample_id.partition("_")[2].replace("_", " ")
        draw.text((LEFT + c * (TILE + GAP), sheet.height - 26), role, MUTED, font(12))
    few = sheet.quantize(
        96, dither=Image.Dither.NONE
    )  # a third of the bytes, and no difference seen
    few.save(ROOT / "docs" / "overview.png", optimize=True)


if __name__ == "__main__":
    main()
