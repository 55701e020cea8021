"""The writer's texts as items: asked once, for the prompts that changed. Through a server: tests/vision_language."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import pandas as pd
import pytest
from shift_editor import MODELS, OPTIONS, VARIANTS

from tpige_kedro.datasets import ItemFolder, Items
from tpige_kedro.models import release_models
from tpige_kedro.pipelines.reference_enhancement.nodes import write_reference_prompts
from tpige_kedro.pipelines.reference_enhancement.writing import ATTEMPTS, ask_reference_prompts
from tpige_kedro.schemas import ReferenceEnhancement

WRITING = OPTIONS.model_copy(update={"writer": "writer"})
PROMPTS = {"s1": "A young chef cooks.", "s2": "A man waits.", "s3": "A thief hides."}


class Writer:
    """Writes what the prompt says; puts the waiting man into a mask, breaks at a thief."""

    version = 1
    calls: ClassVar[list[str]] = []
    loaded: ClassVar[int] = 0

    def __init__(self) -> None:
        type(self).loaded += 1

    def rewrite_prompt(self, prompt: str, picture: None, told: str) -> str:
        self.calls.append(prompt)
        if "thief" in prompt:
            raise RuntimeError("writer broke")
        return "A man in a mask." if "waits" in prompt else "A young chef."


WITH_WRITER = {**MODELS, "writer": {"type": f"{__name__}.Writer", "licence": "Apache-2.0"}}


@pytest.fixture(autouse=True)
def fresh() -> None:
    release_models()
    Writer.calls.clear()
    Writer.loaded = 0


def table(prompts: dict[str, str]) -> pd.DataFrame:
    rows = [
        {
            "sample_id": sample,
            "person_id": f"p {sample}",
            "reference": "a.png",
            "reference_hash": "h",
            "prompt": prompt,
            "enhanced_prompt": prompt,
            "clause": "a man",
        }
        for sample, prompt in prompts.items()
    ]
    return pd.DataFrame(rows)


def asked(
    root: Path,
    prompts: dict[str, str] = PROMPTS,
    options: ReferenceEnhancement = WRITING,
    variants: dict[str, Any] = VARIANTS,
) -> Items:
    folder = ItemFolder(path=str(root / "written"))
    folder.save(ask_reference_prompts(table(prompts), options, WITH_WRITER, variants))
    return ItemFolder(path=str(root / "written")).load()


def test_good_texts_are_taken_and_others_leave_the_rules(tmp_path: Path) -> None:
    items = asked(tmp_path)
    assert list(items) == ["s1", "s2"] and items.failures["s3"].message == "writer broke"
    assert Writer.calls == [PROMPTS["s1"], *[PROMPTS["s2"]] * ATTEMPTS, PROMPTS["s3"]]
    rows = write_reference_prompts(table(PROMPTS), table(PROMPTS), WRITING, items)
    rows = rows.set_index("sample_id")
    assert rows["source"].tolist() == ["model", "rules", "rules"]
    assert rows.loc["s1", "reference_prompt"] == "A young chef."
    assert "mask" not in rows.loc["s2", "reference_prompt"]
    assert rows.loc["s2", "note"].startswith("not the writer's text: ")
    assert "not the writer's text: writer broke" in rows.loc["s3", "note"]
    record = items["s1"].record()
    assert record["prompt"] == PROMPTS["s1"] and record["maker"]["name"] == "writer"
    assert record["instruction"]["name"] == "reference_prompt" and record["people"] == ["p s1"]


def test_only_what_changed_or_failed_is_asked_again(tmp_path: Path) -> None:
    asked(tmp_path)
    release_models()
    Writer.calls.clear()
    asked(tmp_path, {"s1": PROMPTS["s1"], "s2": PROMPTS["s2"]})
    assert (Writer.calls, Writer.loaded) == ([], 1)
    asked(tmp_path, {**PROMPTS, "s1": "An old chef cooks."})
    assert set(Writer.calls) == {"An old chef cooks.", PROMPTS["s3"]}


@pytest.mark.parametrize(
    ("options", "variants"),
    [(OPTIONS, VARIANTS), (WRITING, {"vace": {"generator": "vace", "prompt": "enhanced"}})],
    ids=["no writer", "no variant that shows it"],
)
def test_nothing_is_asked_and_texts_that_are_there_are_not_shown(
    tmp_path: Path, options: ReferenceEnhancement, variants: dict[str, Any]
) -> None:
    asked(tmp_path)
    Writer.calls.clear()
    items = asked(tmp_path, PROMPTS, options, variants)
    assert dict(items) == {} == items.failures and Writer.calls == []
    rows = write_reference_prompts(table(PROMPTS), table(PROMPTS), options, items)
    assert set(rows["source"]) == {"rules"}
    asked(tmp_path)
    assert Writer.calls == [PROMPTS["s3"]], "the others are still there"
