"""An editor and a judge that count in grey tones, and the stage on them: real item folders in a temporary folder."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import pandas as pd
from kedro.io import DataCatalog, MemoryDataset
from kedro.runner import SequentialRunner
from PIL import Image, ImageChops

from tpige_kedro.datasets import ItemFolder, Items, PictureFolder, TableDataset
from tpige_kedro.errors import NoFaceError
from tpige_kedro.execution.pictures import picture_hash
from tpige_kedro.image_editors.protocol import Comparison, EditRequest
from tpige_kedro.models import release_models
from tpige_kedro.pipelines.reference_enhancement import create_pipeline
from tpige_kedro.schemas import ReferenceEnhancement
from tpige_kedro.schemas.tables import REFERENCE_PROMPTS

OPTIONS = ReferenceEnhancement(editor="editor", judge="judge", candidates=3)


class ShiftEditor:
    """Draws the reference brighter by a number from the seed; prompts of a thief fail, of a ghost kill the run."""

    version = 1
    calls: ClassVar[list[EditRequest]] = []
    kills: ClassVar[bool] = True
    loaded: ClassVar[int] = 0

    def __init__(self) -> None:
        type(self).loaded += 1

    def edit(
        self, requests: Sequence[EditRequest]
    ) -> Iterator[tuple[EditRequest, Image.Image | Exception]]:
        for request in sorted(requests, key=lambda r: ("ghost" in r.prompt, r.seed)):
            self.calls.append(request)
            if "ghost" in request.prompt and self.kills:
                raise KeyboardInterrupt
            if "thief" in request.prompt and ("master" in request.prompt or request.seed % 2):
                yield request, RuntimeError("the editor refused")
            else:
                shift = 1 + request.seed % 100
                shifted = Image.new("RGB", request.reference.size, (shift, shift, shift))
                yield request, ImageChops.add(request.reference, shifted)


class ShiftJudge:
    """The smaller the shift the more similar; a black original shows no face, a blue one never resembles anything."""

    version = 1

    def compare(self, original: Image.Image, candidate: Image.Image) -> Comparison:
        red, _, blue = original.getpixel((0, 0))
        if (red, blue) == (0, 0):
            raise NoFaceError("all black")
        shift = candidate.getpixel((0, 0))[1]
        return Comparison(True, 0.1 if blue else 1 - shift / 200, float(shift))


VARIANTS = {"vace_pe_ie": {"generator": "vace", "prompt": "enhanced", "reference": "enhanced"}}
MODELS = {
    "editor": {"type": f"{__name__}.ShiftEditor", "licence": "Apache-2.0"},
    "judge": {"type": f"{__name__}.ShiftJudge", "licence": "Apache-2.0"},
    "vace": {"type": "not.Loaded", "licence": "Apache-2.0"},
    "service": {"type": "not.Loaded", "licence": "terms", "needs": ["KEY_THAT_NOBODY_HAS"]},
}
COLOURS = {"ann": "red", "bob": "blue", "eve": "black"}
SAMPLES = {
    "s1": ("ann", "A chef cooks."),
    "s2": ("bob", "A king waves."),
    "s3": ("eve", "A king waves."),
}


def forget() -> None:
    """No model is loaded, nothing was drawn."""
    release_models()
    ShiftEditor.calls.clear()
    ShiftEditor.loaded = 0


@dataclass
class Stage:
    """The stage over ``root``; ``samples`` are person and prompt by sample."""

    root: Path
    samples: dict[str, tuple[str, str]] = field(default_factory=lambda: dict(SAMPLES))

    def __post_init__(self) -> None:
        (self.root / "references").mkdir(parents=True)
        for person, colour in COLOURS.items():
            self.picture(person, colour)

    def picture(self, person: str, colour: str) -> None:
        Image.new("RGB", (32, 32), colour).save(self.root / "references" / f"{person}.png")

    def references(self) -> PictureFolder:
        known = str(self.root / "known_references.json")
        return PictureFolder(path=str(self.root / "references"), known=known)

    def folder(self, name: str = "enhanced_references") -> ItemFolder:
        drawn = "tpige_kedro.datasets.DrawnPictureDataset"
        return ItemFolder(path=str(self.root / name), suffix=".png", dataset=drawn)

    def table(self) -> pd.DataFrame:
        """The samples, with the hashes of their pictures as they are now."""
        pictures = self.references().load()
        rows = [
            {
                "sample_id": sample,
                "person_id": person,
                "prompt": prompt,
                "enhanced_prompt": prompt,
                "reference": f"{person}.png",
                "clause": f"one like {person}",
                "reference_hash": picture_hash(pictures[f"{person}.png"]()),
            }
            for sample, (person, prompt) in self.samples.items()
        ]
        return pd.DataFrame(rows)

    def run(
        self,
        variants: dict[str, Any] = VARIANTS,
        options: ReferenceEnhancement = OPTIONS,
        seed: int = 0,
        **models: Any,
    ) -> Items:
        """The redrawn references as a later stage sees them."""
        table, prompts = self.table(), self.root / "reference_prompts.parquet"
        catalog = DataCatalog(
            {
                "checked_samples": MemoryDataset(table),
                "enhanced_prompts": MemoryDataset(table),
                "references": self.references(),
                "written_reference_prompts": ItemFolder(path=str(self.root / "written")),
                "reference_prompts": TableDataset(filepath=str(prompts)),
                "enhanced_references": self.folder(),
                "params:reference_enhancement": MemoryDataset(options),
                "params:models": MemoryDataset({**MODELS, **models}),
                "params:variants": MemoryDataset(variants),
                "params:seed": MemoryDataset(seed),
            }
        )
        SequentialRunner().run(create_pipeline(), catalog)
        REFERENCE_PROMPTS.validate(catalog.load("reference_prompts"))
        return self.folder().load()
