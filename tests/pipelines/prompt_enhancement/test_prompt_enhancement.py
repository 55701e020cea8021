from pathlib import Path
from typing import Any, ClassVar

import pandas as pd
import pytest
from kedro.io import DataCatalog, MemoryDataset
from kedro.runner import SequentialRunner
from PIL import Image

from tpige_kedro.datasets import CompletionIndex, PictureFolder, ResumablePartitionedDataset
from tpige_kedro.errors import NoFaceError
from tpige_kedro.models import release_models
from tpige_kedro.pipelines.prompt_enhancement import create_pipeline
from tpige_kedro.pipelines.prompt_enhancement.settling import enhance_prompt
from tpige_kedro.prompts.attributes import Attribute, FaceAttributes
from tpige_kedro.prompts.checks import is_verbatim
from tpige_kedro.schemas import PromptEnhancement
from tpige_kedro.tables import ENHANCED_PROMPTS

OPTIONS = PromptEnhancement(reader="reader")
COLOURS = {(255, 0, 0): "red", (0, 0, 255): "blue"}


class ColourReader:
    """Takes the colour of a picture for that of the hair; black has no face, white breaks it, green kills the run."""

    calls: ClassVar[list[str]] = []
    kills: ClassVar[bool] = True

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


@pytest.fixture(autouse=True)
def _forget() -> None:
    release_models()
    ColourReader.calls.clear()


def picture(root: Path, name: str, colour: str) -> None:
    (root / "references").mkdir(exist_ok=True)
    Image.new("RGB", (32, 32), colour).save(root / "references" / name)


def run(root: Path, samples: list[tuple[str, str, str, str]]) -> dict[str, Any]:
    rows = pd.DataFrame(samples, columns=["sample_id", "person_id", "prompt", "reference"])
    model = {"type": f"{__name__}.ColourReader", "licence": "Apache-2.0"}

    def folder(name: str) -> ResumablePartitionedDataset:
        return ResumablePartitionedDataset(
            path=str(root / name), dataset="json.JSONDataset", filename_suffix=".json"
        )

    names = (
        "face_attributes",
        "face_attribute_records",
        "failures_prompt_enhancement",
        "rewritten_prompts",
        "rewritten_prompt_records",
        "failures_prompt_rewriting",
    )
    catalog = DataCatalog(
        {
            "samples": MemoryDataset(rows.assign(consent="synthetic")),
            "references": PictureFolder(path=str(root / "references")),
            "completed_face_attributes": CompletionIndex(path=str(root / "face_attribute_records")),
            "completed_rewritten_prompts": CompletionIndex(path=str(root / "rewritten_records")),
            "params:consent": MemoryDataset(None),
            "params:prompt_enhancement": MemoryDataset(OPTIONS),
            "params:models": MemoryDataset({"reader": model}),
            **{name: folder(name) for name in names},
            **{
                name: MemoryDataset()
                for name in (
                    "checked_samples",
                    "sample_issues",
                    "enhanced_prompts",
                    "prompt_checks",
                )
            },
        }
    )
    SequentialRunner().run(create_pipeline(), catalog)
    loaded = {name: {k: v() for k, v in catalog.load(name).items()} for name in names}
    return {
        **loaded,
        "enhanced_prompts": ENHANCED_PROMPTS.validate(catalog.load("enhanced_prompts")),
    }


SAMPLES = [
    ("s1", "ann", "A chef cooks.", "ann.png"),
    ("s2", "ann", "A king waves. 🙂", "ann.png"),
    ("s3", "bob", "A knight rides.", "bob.png"),
]


def test_every_prompt_gets_the_clause_of_its_person(tmp_path: Path) -> None:
    picture(tmp_path, "ann.png", "red")
    picture(tmp_path, "bob.png", "blue")
    made = run(tmp_path, SAMPLES)
    table = made["enhanced_prompts"]
    assert list(table["enhanced_prompt"]) == [
        "A chef, a man with red hair, cooks.",
        "A king, a man with red hair, waves. 🙂",
        "A knight, a man with blue hair, rides.",
    ]
    assert set(table["source"]) == {"model"}
    assert len(ColourReader.calls) == 2  # one reading per person, not per sample
    record = made["face_attribute_records"]["ann"]
    assert record["reference"] == "ann.png"
    assert record["reader"]["name"] == "reader"
    assert record["reference_hash"]


def test_a_rerun_reads_nothing_a_changed_picture_is_read_again(tmp_path: Path) -> None:
    picture(tmp_path, "ann.png", "red")
    picture(tmp_path, "bob.png", "blue")
    first = run(tmp_path, SAMPLES)
    assert run(tmp_path, SAMPLES)["enhanced_prompts"].equals(first["enhanced_prompts"])
    assert len(ColourReader.calls) == 2
    picture(tmp_path, "bob.png", "red")
    assert "red hair" in run(tmp_path, SAMPLES)["enhanced_prompts"]["enhanced_prompt"][2]
    assert len(ColourReader.calls) == 3


def test_a_killed_run_resumes_where_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    picture(tmp_path, "ann.png", "red")
    picture(tmp_path, "bob.png", "green")
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, SAMPLES)
    assert [p.name for p in (tmp_path / "face_attribute_records").iterdir()] == ["ann.json"]
    ColourReader.calls.clear()
    monkeypatch.setattr(ColourReader, "kills", False)
    table = run(tmp_path, SAMPLES)["enhanced_prompts"]
    assert ColourReader.calls == ["(0, 128, 0)"]  # ann was not read again
    assert list(table["source"]) == ["model"] * 3


@pytest.mark.parametrize(
    ("colour", "error", "words"),
    [
        ("black", "NoFaceError", "person bob (sample s3): no face found in references/bob.png"),
        ("white", "RuntimeError", "reader broke"),
    ],
)
def test_an_unreadable_face_keeps_the_prompts_of_its_person(
    tmp_path: Path, colour: str, error: str, words: str
) -> None:
    picture(tmp_path, "ann.png", "red")
    picture(tmp_path, "bob.png", colour)
    made = run(tmp_path, SAMPLES)
    table = made["enhanced_prompts"]
    assert list(table["source"]) == ["model", "model", "none"]
    assert table["enhanced_prompt"][2] == "A knight rides."
    assert words in table["note"][2]
    failure = made["failures_prompt_enhancement"]["bob"]
    assert failure["error"] == error
    assert words in failure["message"]


def test_attributes_of_an_earlier_picture_are_not_used_after_a_failure(tmp_path: Path) -> None:
    picture(tmp_path, "ann.png", "red")
    picture(tmp_path, "bob.png", "blue")
    first = run(tmp_path, SAMPLES)
    picture(tmp_path, "bob.png", "black")
    assert run(tmp_path, SAMPLES)["enhanced_prompts"]["source"][2] == "none"
    picture(tmp_path, "bob.png", "blue")
    again = run(tmp_path, SAMPLES)
    assert again["enhanced_prompts"].equals(first["enhanced_prompts"])
    assert again["failures_prompt_enhancement"] == {}


MAN = FaceAttributes(gender=Attribute("man", 0.9), hair=Attribute("red hair", 0.8))


@pytest.mark.parametrize(
    ("prompt", "attributes", "enhanced", "note"),
    [
        ("A chef cooks.", MAN, "A chef, a man with red hair, cooks.", ""),
        ("She cooks.", MAN, "She, a person with red hair, cooks.", "gender left out"),
        ("A blonde chef cooks.", MAN, "A blonde chef, a man, cooks.", "hair left out"),
        ("A chef cooks.", FaceAttributes(), "A chef cooks.", "nothing to add"),
        (
            "A chef cooks.",
            FaceAttributes(hair=Attribute("red hair", 0.1)),
            "A chef cooks.",
            "nothing to add",
        ),
        (
            "A chef cooks.",
            FaceAttributes(traits=(Attribute("a red hat"),)),
            "A chef cooks.",
            "prompt kept, check failed: facial_only: added hat",
        ),
        (
            "A chef cooks.",
            FaceAttributes(traits=(Attribute("x " * 50),)),
            "A chef cooks.",
            "length: added",
        ),
    ],
)
def test_what_becomes_of_a_prompt(
    prompt: str, attributes: FaceAttributes, enhanced: str, note: str
) -> None:
    outcome = enhance_prompt(prompt, attributes, OPTIONS)
    assert outcome.enhanced_prompt == enhanced
    assert note in outcome.note
    assert (outcome.clause == "") == (enhanced == prompt)
    assert is_verbatim(prompt, outcome.enhanced_prompt)
