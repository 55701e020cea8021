"""What a reference is to show: by rules here; in the words of a model: tests/vision_language/test_reference_writing.py."""

from __future__ import annotations

import pandas as pd
import pytest
from pydantic import ValidationError
from shift_editor import OPTIONS

from tpige_kedro.pipelines.reference_enhancement.nodes import write_reference_prompts
from tpige_kedro.schemas import ReferenceEnhancement
from tpige_kedro.schemas.tables import REFERENCE_PROMPTS


def written(*rows: tuple[str, str]) -> pd.DataFrame:
    """The reference prompts of prompts and clauses."""
    samples = [
        {
            "sample_id": f"s{i}",
            "person_id": f"p{i}",
            "reference": f"{i}.png",
            "reference_hash": f"hash {i}",
            "prompt": prompt,
            "enhanced_prompt": prompt,
            "clause": clause,
        }
        for i, (prompt, clause) in enumerate(rows)
    ]
    table = pd.DataFrame(samples)
    return write_reference_prompts(table, table, OPTIONS)


def test_reference_prompts_follow_the_template() -> None:
    clause = "an elderly pale-skinned man with red hair"
    table = written(
        ("A video of an astronaut waving a hand in outer space.", clause),
        ("Sunset over the sea.", ""),
    )
    assert list(REFERENCE_PROMPTS.validate(table)["reference_prompt"]) == [
        f"A portrait photo of an astronaut, {clause}.",
        "A portrait photo of a person.",
    ]
    assert list(table["note"]) == ["", ""] and set(table["source"]) == {"rules"}
    assert table.loc[1, ["person_id", "reference", "reference_hash"]].tolist() == [
        "p1", "1.png", "hash 1",
    ]  # fmt: skip


def test_a_reference_prompt_that_fails_its_checks_leaves_the_role_out() -> None:
    table = written(("A camera operator films.", "an old man"))
    assert table["reference_prompt"][0] == "A portrait photo of a person, an old man."
    assert "meta: camera" in table["note"][0]


@pytest.mark.parametrize("template", ["A photo.", "A photo of {role} in {place}.", "{clause}"])
def test_a_template_must_name_the_role_and_nothing_unknown(template: str) -> None:
    with pytest.raises(ValidationError, match="template"):
        ReferenceEnhancement(editor="editor", judge="judge", template=template)
