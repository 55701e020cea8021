"""A reader that sees colours, and the stage on it: real item folders, pictures and tables in a temporary folder."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import pandas as pd
from kedro.io import DataCatalog, MemoryDataset
from kedro.runner import SequentialRunner
from PIL import Image

from tpige_kedro.datasets import ItemFolder, Items, PictureFolder, TableDataset
from tpige_kedro.errors import NoFaceError
from tpige_kedro.pipelines.prompt_enhancement import create_pipeline
from tpige_kedro.prompts.attributes import Attribute, FaceAttributes
from tpige_kedro.schemas import PromptEnhancement
from tpige_kedro.schemas.tables import ENHANCED_PROMPTS

OPTIONS = PromptEnhancement(reader="reader")
REWRITE = PromptEnhancement(reader="reader", mode="rewrite")
COLOURS = {(255, 0, 0): "red", (0, 0, 255): "blue"}
TABLES = ("checked_samples", "sample_issues", "enhanced_prompts", "prompt_checks")
SAMPLES = [
    ("s1", "ann", "A chef cooks.", "ann.png"),
    ("s2", "ann", "A king waves. 🙂", "ann.png"),
    ("s3", "bob", "A knight rides.", "bob.png"),
]


class ColourReader:
    """Takes the colour of a picture for that of the hair; black has no face, white breaks it, green kills the run.

    It writes ``a tall man`` into captions, a knight's never well, and breaks on a thief's.
    """

    version = 1
    calls: ClassVar[list[str]] = []
    kills: ClassVar[bool] = True
    loaded: ClassVar[int] = 0

    def __init__(self) -> None:
        type(self).loaded += 1

    def read_face(self, reference: Image.Image) -> FaceAttributes:
        colour = reference.getpixel((0, 0))
        self.calls.append(str(colour))
        if colour == (0, 0, 0):
            raise NoFaceError("nobody there")
        if colour == (255, 255, 255):
            raise RuntimeError("reader broke")
        if colour == (0, 128, 0) and self.kills:
            raise KeyboardInterrupt
        name = COLOURS.get(colour, "green")
        return FaceAttributes(
            gender=Attribute("man"),
            hair=Attribute(f"{name} hair"),
            eyes=Attribute("blue eyes", 0.2),
        )

    def rewrite_prompt(self, prompt: str, picture: Image.Image, told: str) -> str:
        self.calls.append(prompt)
        if "thief" in prompt:
            raise RuntimeError("reader broke")
        if "knight" in prompt:
            return prompt.upper()
        first, noun, rest = prompt.split(" ", 2)
        return f"{first} {noun}, a man with red hair and a scar, {rest}"

    @classmethod
    def forget(cls) -> None:
        cls.calls.clear()
        cls.loaded = 0


MODELS = {"reader": {"type": f"{__name__}.ColourReader", "licence": "Apache-2.0"}}


@dataclass
class Stage:
    """The stage over ``root``: pictures in ``references/``, what was made beside it."""

    root: Path
    samples: list[tuple[str, str, str, str]] = field(default_factory=lambda: list(SAMPLES))

    def picture(self, name: str, colour: str) -> None:
        (self.root / "references").mkdir(exist_ok=True)
        Image.new("RGB", (32, 32), colour).save(self.root / "references" / name)

    def references(self) -> PictureFolder:
        known = str(self.root / "known_references.json")
        return PictureFolder(path=str(self.root / "references"), known=known)

    def folder(self, name: str) -> ItemFolder:
        return ItemFolder(path=str(self.root / name))

    @property
    def rows(self) -> pd.DataFrame:
        rows = pd.DataFrame(self.samples, columns=["sample_id", "person_id", "prompt", "reference"])
        return rows.assign(consent="synthetic")

    def run(
        self, options: PromptEnhancement = OPTIONS, models: Any = MODELS, **more: Any
    ) -> dict[str, Any]:
        """All tables, and the items of both folders; ``more`` are further datasets in the place of those made here."""
        datasets: dict[str, Any] = {
            "samples": MemoryDataset(self.rows),
            "references": self.references(),
            "face_attributes": self.folder("face_attributes"),
            "rewritten_prompts": self.folder("rewritten_prompts"),
            "enhanced_prompt_items": self.folder("enhanced_prompt_items"),
            "params:consent": MemoryDataset(None),
            "params:prompt_enhancement": MemoryDataset(options),
            "params:models": MemoryDataset(models),
            **{n: TableDataset(filepath=str(self.root / f"{n}.parquet")) for n in TABLES},
            **more,
        }
        catalog = DataCatalog(datasets)
        SequentialRunner().run(create_pipeline(), catalog)
        made = {n: catalog.load(n) for n in (*TABLES, "face_attributes", "rewritten_prompts")}
        ENHANCED_PROMPTS.validate(made["enhanced_prompts"])
        return made


def saved(folder: ItemFolder, work: Any) -> Items:
    """What a fresh look at the folder finds after ``work`` was saved to it."""
    folder.save(work)
    return ItemFolder(path=str(folder.path)).load()
