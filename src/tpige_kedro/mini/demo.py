"""Draws sets of people with prompts, in the form of a user's own samples: pictures and text, no identity parameters.

``python -m tpige_kedro.mini.demo --to data/01_raw/demo`` redraws the set that ships; ``--people 100`` draws a larger one.
"""

from __future__ import annotations

import argparse
import csv
import random
from pathlib import Path

import torch
from PIL import Image

from tpige_kedro.mini.world import vocabulary as words
from tpige_kedro.mini.world.captions import caption
from tpige_kedro.mini.world.clips import sample_portraits
from tpige_kedro.mini.world.people import sample_people
from tpige_kedro.mini.world.renderer import World

COLUMNS = ("sample_id", "person_id", "prompt", "reference", "consent")


def draw_demo(folder: Path, people: int = 8, seed: int = 13) -> Path:
    """Write ``samples.csv`` and ``references/`` for ``people`` unseen people, every second in a face-hiding role.

    Roles, settings and actions go round, so that a small set shows many. Returns the path of the table.
    """
    generator = torch.Generator().manual_seed(seed)
    rng = random.Random(seed)
    portraits, _ = sample_portraits(World(), sample_people(people, generator), generator)
    pictures = folder / "references"
    pictures.mkdir(parents=True, exist_ok=True)
    table = folder / "samples.csv"
    with table.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        for i, portrait in enumerate(portraits):
            person, reference = f"person{i + 1:02d}", f"person{i + 1:02d}.png"
            pixels = ((portrait.permute(1, 2, 0) + 1) * 127.5).round().byte().numpy()
            Image.fromarray(pixels).save(pictures / reference)
            role = _role(i)
            prompt = caption(
                role, i % len(words.SETTING_TEXTS), (i + i // 6) % len(words.ACTION_TEXTS), rng=rng
            )
            place = words.ROLE_NAMES[role].replace(" ", "_")
            writer.writerow((f"{person}_{place}", person, prompt, reference, "synthetic"))
    return table


def _role(i: int) -> int:
    """Hiding and open-faced roles in turn, the plain person left out."""
    hiding = len(words.ROLE_NAMES) - words.FIRST_HIDING_ROLE
    shown = words.FIRST_HIDING_ROLE - 1
    return words.FIRST_HIDING_ROLE + (1 + i // 2) % hiding if i % 2 == 0 else 1 + (i // 2) % shown


def main() -> None:
    """See the module's first lines."""
    parser = argparse.ArgumentParser(description="Draw people and prompts of the mini world")
    parser.add_argument(
        "--to", type=Path, required=True, help="folder for samples.csv and references/"
    )
    parser.add_argument("--people", type=int, default=8)
    parser.add_argument("--seed", type=int, default=13)
    options = parser.parse_args()
    draw_demo(options.to, options.people, options.seed)


if __name__ == "__main__":
    main()
