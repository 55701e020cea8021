"""The generation stage over a temporary folder: two samples, stand-in generators, real item folders."""

from __future__ import annotations

import weakref
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import pandas as pd
from PIL import Image

import fakes
from tpige_kedro.datasets import ItemFolder, Items, PictureFolder
from tpige_kedro.datasets.drawn import as_drawn
from tpige_kedro.execution.pictures import picture_hash
from tpige_kedro.execution.tally import reset_tallies
from tpige_kedro.execution.work import Job, Outcome, Result, Work, fingerprint
from tpige_kedro.pipelines.generation_variants.imports import import_clips
from tpige_kedro.pipelines.generation_variants.nodes import generate_clips
from tpige_kedro.pipelines.generation_variants.plan import plan_clips
from tpige_kedro.schemas import ModelSpec, Moe, Noise, Variant, with_noise
from tpige_kedro.schemas.tables import CLIP_PLAN

MODEL = ModelSpec(
    type="fakes.Generator", licence="Apache-2.0", options={"steps": 3, "batch_size": 4}
)
PLAIN = Variant(generator="m")
ENHANCED = Variant(generator="m", prompt="enhanced", reference="enhanced")
SAMPLES = pd.DataFrame(
    {
        "sample_id": ["s1", "s2"],
        "person_id": ["p1", "p2"],
        "prompt": ["A man reads.", "A man runs."],
        "reference": ["a.png", "b.png"],
    }
)
PROMPTS = pd.DataFrame(
    {"sample_id": ["s1", "s2"], "enhanced_prompt": ["A red man reads.", "A red man runs."]}
)


class Paid(fakes.Generator):
    """A service: each clip costs money."""

    version = 1
    paid = True


class Seedless(Paid):
    """A service that takes no seed."""

    version = 1
    takes_seed = False


class Large(fakes.Generator):
    """A generator that must not be in memory beside another one: ``alive`` says how many there were at each loading."""

    version = 1
    alive: ClassVar[list[int]] = []
    _all: ClassVar[weakref.WeakSet[Any]] = weakref.WeakSet()

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._all.add(self)
        self.alive.append(len(self._all))

    def generate(self, requests: Any, guidance: Any) -> Iterator[Any]:
        for request, outcome in super().generate(requests, guidance):
            try:
                yield request, self.whole(outcome)
            except RuntimeError as error:
                yield request, error

    def whole(self, outcome: Any) -> Any:
        if isinstance(outcome, Exception):
            raise RuntimeError(str(outcome))  # its traceback holds the generator
        return outcome


LARGE = MODEL.model_copy(update={"type": f"{__name__}.Large"})
SEEDLESS = MODEL.model_copy(update={"type": f"{__name__}.Seedless"})
PAID = MODEL.model_copy(update={"type": f"{__name__}.Paid"})


@dataclass
class Stage:
    """``drawn`` are the redrawn references by sample, as grey tones; ``log`` is what the generators did."""

    root: Path
    variants: dict[str, Variant] = field(default_factory=lambda: {"v": PLAIN})
    models: dict[str, ModelSpec] = field(default_factory=lambda: {"m": MODEL})
    samples: pd.DataFrame = field(default_factory=SAMPLES.copy)
    prompts: pd.DataFrame = field(default_factory=PROMPTS.copy)
    drawn: dict[str, int] = field(default_factory=lambda: {"s1": 90, "s2": 99})
    seed: int = 0
    noise: Noise = "shared"

    def __post_init__(self) -> None:
        (self.root / "references").mkdir(parents=True, exist_ok=True)
        for name in ("a.png", "b.png"):
            self.picture(name, 0)

    def picture(self, name: str, red: int) -> None:
        Image.new("RGB", (32, 32), (red, 0, 0)).save(self.root / "references" / name)

    @property
    def references(self) -> PictureFolder:
        return PictureFolder(path=str(self.root / "references"))

    @property
    def checked(self) -> pd.DataFrame:
        """The samples with the hashes of their pictures as they are now."""
        pictures = self.references.load()
        hashes = [picture_hash(pictures[n]()) for n in self.samples["reference"]]
        return self.samples.assign(reference_hash=hashes)

    @property
    def redrawn(self) -> ItemFolder:
        dataset = "tpige_kedro.datasets.DrawnPictureDataset"
        return ItemFolder(path=str(self.root / "redrawn"), suffix=".png", dataset=dataset)

    @property
    def folder(self) -> ItemFolder:
        dataset = "tpige_kedro.datasets.Mp4Dataset"
        return ItemFolder(path=str(self.root / "clips"), suffix=".mp4", dataset=dataset)

    def redraw(self) -> Items:
        """The references that the stage before has drawn."""

        def produce(todo: list[Job]) -> Iterator[tuple[Job, Outcome]]:
            for job in todo:
                yield job, Result(as_drawn(Image.new("RGB", (32, 32), (job.request,) * 3)))

        jobs = [Job(key, fingerprint(grey=grey), grey) for key, grey in self.drawn.items()]
        self.redrawn.save(Work("redraw", jobs, produce))
        return self.redrawn.load()

    def plan(self) -> pd.DataFrame:
        enhanced, checked = self.redraw(), self.checked
        variants = with_noise(self.variants, Moe(experts=tuple(self.variants), noise=self.noise))
        made = plan_clips(checked, self.prompts, enhanced, variants, self.models, self.seed)
        return CLIP_PLAN.validate(made)

    def work(self, plan: pd.DataFrame | None = None, references: Any = None) -> Work:
        reset_tallies()
        return generate_clips(
            self.plan() if plan is None else plan,
            references or self.references.load(),
            self.redrawn.load(),
            self.variants,
            self.models,
        )

    def run(self, **changes: Any) -> Items:
        """The clips as a later stage sees them; ``changes`` are to the stage, for good."""
        for name, value in changes.items():
            setattr(self, name, value)
        return self.saved(self.work())

    def evaluate(self) -> Items:
        """Only those clips that were made elsewhere are taken in."""
        reset_tallies()
        return self.saved(import_clips(self.samples, self.variants, self.models))

    def saved(self, work: Work) -> Items:
        self.folder.save(work)
        return self.folder.load()

    def marks(self, variant: Variant = ENHANCED) -> dict[str, str]:
        """The fingerprints of a variant's jobs by sample."""
        self.variants = {"v": variant}
        return {job.key.removeprefix("v/"): job.fingerprint for job in self.work().jobs}

    @property
    def log(self) -> list[str]:
        file = self.root / "log"
        return file.read_text().splitlines() if file.exists() else []

    def forget(self) -> None:
        (self.root / "log").unlink(missing_ok=True)
