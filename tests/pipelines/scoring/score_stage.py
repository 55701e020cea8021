"""The scoring stage over a temporary folder: grey clips, small scorers, real item folders."""

from __future__ import annotations

import weakref
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image

from tpige_kedro.datasets import Clip, ItemFolder, Items, Mp4Dataset, PictureFolder
from tpige_kedro.execution.pictures import picture_hash
from tpige_kedro.execution.tally import reset_tallies
from tpige_kedro.execution.work import Job, Outcome, Result, Work, fingerprint
from tpige_kedro.metrics.protocol import MetricSpec, Missing, ScoredClip
from tpige_kedro.pipelines.scoring.nodes import score_clips
from tpige_kedro.pipelines.scoring.table import tabulate_scores
from tpige_kedro.schemas import ModelSpec, Scoring
from tpige_kedro.schemas.tables import SCORES

WEIGHTS = {"brightness": 0.5, "faces": 0.5}
SCORING = Scoring(scorers=("bright", "faces"), overall=WEIGHTS)
SAMPLES = pd.DataFrame(
    {
        "sample_id": ["s1", "s2"],
        "person_id": ["p1", "p2"],
        "prompt": ["A man reads.", "A man runs."],
        "reference": ["a.png", "b.png"],
    }
)
PROMPTS = pd.DataFrame({"sample_id": ["s1"], "enhanced_prompt": ["A man, old, reads."]})

LOADED: list[str] = []
ALIVE: list[int] = []  # how many scorers there were when one was loaded, with it
SEEN: dict[str, str | None] = {}  # the enhanced prompt by prompt, as a scorer was given it
CALLS: list[str] = []  # what was scored: the scorer and the prompt
_scorers: weakref.WeakSet[Any] = weakref.WeakSet()


def forget() -> None:
    for noted in (LOADED, ALIVE, SEEN, CALLS):
        noted.clear()


def note_loaded(name: str, scorer: Any) -> None:
    LOADED.append(name)
    _scorers.add(scorer)
    ALIVE.append(len(_scorers))


class Brightness:
    """The mean of all pixels; a prompt with ``darken`` breaks it."""

    version = 1
    metrics = (MetricSpec("brightness", "Brightness", 0, 1, "higher", "tests"),)

    def __init__(self, power: float = 1) -> None:
        note_loaded("bright", self)
        self.power = power

    def score(self, clip: ScoredClip) -> dict[str, float | Missing]:
        CALLS.append(f"bright: {clip.prompt}")
        SEEN[clip.prompt] = clip.enhanced_prompt
        if "darken" in clip.prompt:
            raise ValueError("too dark")
        return {"brightness": float(clip.frames.mean() / 255) ** self.power}


class Faces:
    """What the prompt of a sample says that the scorer should return; a prompt with ``stop`` ends the run."""

    version = 1
    metrics = (MetricSpec("faces", "Faces", 0, 1, "higher", "tests"),)

    def __init__(self) -> None:
        note_loaded("faces", self)

    def score(self, clip: ScoredClip) -> dict[str, float | Missing]:
        CALLS.append(f"faces: {clip.prompt}")
        if "stop" in clip.prompt:
            raise KeyboardInterrupt
        if "explode" in clip.prompt:
            raise RuntimeError("sizes do not match")
        if "hidden" in clip.prompt:
            return {"faces": Missing("no face in any frame")}
        return {
            "faces": float("inf")
            if "endless" in clip.prompt
            else clip.reference.getpixel((0, 0))[0] / 255
        }


MODELS = {
    "bright": ModelSpec(type=f"{__name__}.Brightness", licence="MIT"),
    "faces": ModelSpec(type=f"{__name__}.Faces", licence="MIT"),
}


class CountingMp4(Mp4Dataset):
    """Clips that count how often they are decoded; those in ``broken`` cannot be."""

    decoded: list[str] = []  # noqa: RUF012 - shared on purpose
    broken: set[str] = set()  # noqa: RUF012

    def load(self) -> Clip:
        name = Path(self._filepath).stem
        self.decoded.append(name)
        if name in self.broken:
            raise ValueError(f"{name} cannot be decoded")
        return super().load()


@dataclass
class Stage:
    """``greys`` are the clips: the tone of all frames by key; photos are full of red."""

    root: Path
    greys: dict[str, int] = field(default_factory=lambda: {"v/s1": 51, "v/s2": 102})
    samples: pd.DataFrame = field(default_factory=SAMPLES.copy)
    prompts: pd.DataFrame = field(default_factory=PROMPTS.copy)
    models: dict[str, ModelSpec] = field(default_factory=lambda: dict(MODELS))
    scoring: Scoring = SCORING

    def __post_init__(self) -> None:
        (self.root / "references").mkdir(parents=True, exist_ok=True)
        for name in ("a.png", "b.png"):
            self.picture(name, 255)
        CountingMp4.decoded.clear()
        CountingMp4.broken.clear()

    def picture(self, name: str, red: int) -> None:
        Image.new("RGB", (16, 16), (red, 0, 0)).save(self.root / "references" / name)

    @property
    def references(self) -> PictureFolder:
        return PictureFolder(path=str(self.root / "references"))

    @property
    def checked(self) -> pd.DataFrame:
        pictures = self.references.load()
        hashes = [picture_hash(pictures[name]()) for name in self.samples["reference"]]
        return self.samples.assign(reference_hash=hashes)

    @property
    def clip_folder(self) -> ItemFolder:
        dataset = f"{__name__}.CountingMp4"
        return ItemFolder(path=str(self.root / "clips"), suffix=".mp4", dataset=dataset)

    @property
    def folder(self) -> ItemFolder:
        return ItemFolder(path=str(self.root / "scores"))

    def clips(self) -> Items:
        """The clips, made if they are not there."""

        def produce(todo: list[Job]) -> Iterator[tuple[Job, Outcome]]:
            for job in todo:
                yield job, Result(Clip(np.full((3, 16, 16, 3), job.request, np.uint8), 8))

        jobs = [Job(key, fingerprint(grey=grey), grey) for key, grey in self.greys.items()]
        self.clip_folder.save(Work("clips", jobs, produce))
        return self.clip_folder.load()

    def work(self, checked: pd.DataFrame | None = None, references: Any = None) -> Work:
        clips = self.clips()
        reset_tallies()
        return score_clips(
            self.checked if checked is None else checked,
            self.prompts,
            clips,
            references or self.references.load(),
            self.models,
            self.scoring,
        )

    def score(self, work: Work | None = None, **changes: Any) -> Items:
        """The scores as a later stage sees them; ``changes`` are to the stage, for good. Everything noted is forgotten."""
        for name, value in changes.items():
            setattr(self, name, value)
        work = work or self.work()
        forget()
        CountingMp4.decoded.clear()
        self.folder.save(work)
        return self.folder.load()

    def table(self) -> pd.DataFrame:
        """The table of scores by sample, of what is there now."""
        clips, scores = self.clip_folder.load(), self.folder.load()
        made = tabulate_scores(self.checked, clips, scores, self.scoring)
        return SCORES.validate(made)
