"""The kinds of input: how a good one looks, how it is damaged, and what reads it."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from random import Random

import benchmarks.fuzz.configuration as fuzz_configuration
import benchmarks.fuzz.files as fuzz_files
import benchmarks.fuzz.services as fuzz_services
from benchmarks.fuzz.mutations import damage_bytes, damage_json, damage_png, damage_text

Seeds = Callable[[], dict[str, bytes]]
Read = Callable[
    [str, bytes, Path], None
]  # label of the seed, the damaged bytes, a folder to work in


@dataclass(frozen=True)
class Kind:
    """``seeds`` are good inputs by label; ``names``: one of them stands in every error, unless it is empty. ``share`` of all inputs."""

    title: str
    seeds: Seeds
    damage: Callable[[bytes, Random], bytes]
    read: Read
    names: tuple[str, ...] = ()
    share: int = 1

    @property
    def slug(self) -> str:
        """The title as a part of a file name."""
        return re.sub(r"\W+", "-", self.title.lower())

    def pick(self, rng: Random) -> tuple[str, bytes]:
        """A damaged input, and the label of the good one that it was."""
        label, data = rng.choice(sorted(_seeds(self.seeds).items()))
        return label, self.damage(data, rng)


@cache
def _seeds(make: Seeds) -> dict[str, bytes]:
    return make()


KINDS = {
    "clip": Kind(
        "clips (MP4, Matroska, WebM)",
        fuzz_files.clips,
        damage_bytes,
        fuzz_files.read_clip,
        ("clip.",),
        4,
    ),
    "png": Kind("PNG", fuzz_files.pngs, damage_png, fuzz_files.read_picture, ("photo.",), 3),
    "jpeg": Kind("JPEG", fuzz_files.jpegs, damage_bytes, fuzz_files.read_picture, ("photo.",), 3),
    "csv": Kind(
        "samples.csv", fuzz_files.tables, damage_text, fuzz_files.read_samples, ("sample",), 4
    ),
    "record": Kind(
        "records of an item folder",
        fuzz_files.item_files,
        damage_bytes,
        fuzz_files.rerun_items,
        ("items",),
        4,
    ),
    "face": Kind(
        "answers about a face", fuzz_services.forms, damage_json, fuzz_services.read_face, (), 4
    ),
    "reply": Kind(
        "chat completions", fuzz_services.completions, damage_json, fuzz_services.read_reply, (), 4
    ),
    "minimax": Kind(
        "replies of the video service",
        fuzz_services.video_replies,
        damage_json,
        fuzz_services.make_clip,
        ("s1",),
        4,
    ),
    "journal": Kind(
        "journal of paid tasks",
        fuzz_services.journals,
        damage_json,
        fuzz_services.resume_task,
        ("s1",),
        2,
    ),
    "yaml": Kind(
        "configuration", fuzz_configuration.files, damage_text, fuzz_configuration.start_run, (), 3
    ),
}
