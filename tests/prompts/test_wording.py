from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from tpige_kedro.prompts import wording
from tpige_kedro.prompts.wording import Instruction, in_tags, load_instruction

NAMES = ["read_face", "rewrite_caption", "reference_prompt"]


@pytest.mark.parametrize("name", NAMES)
def test_every_file_is_versioned_and_named(name: str) -> None:
    instruction = load_instruction(name)  # type: ignore[arg-type]
    assert instruction.name == name and instruction.version >= 1
    assert "{reasons}" in instruction.retry and len(instruction.text.split()) > 80


def test_there_is_no_other_file() -> None:
    assert sorted(file.stem for file in wording.FOLDER.iterdir()) == sorted(NAMES)


def test_the_constraints_of_the_paper_are_said() -> None:
    rewrite = load_instruction("rewrite_caption").text
    for word in ("exactly", "age", "clothing", "places", "sentences", "{facts}", "{max_words}"):
        assert word in rewrite, word
    reference = load_instruction("reference_prompt").text
    for word in ("cover the face", "attire", "hair", "gender", "Third person", "hashtag", "camera"):
        assert word in reference, word


def test_placeholders_and_complaints() -> None:
    instruction = Instruction("x", 1, "Do {a}. {b}", "Wrong: {reasons}!")
    assert instruction.told(a="{b}") == "Do {b}. {b}"
    assert instruction.told(["one", "{two}"], a=1) == "Do 1. {b}\nWrong: one; {two}!"


@pytest.mark.parametrize("part", ["text", "retry"])
def test_a_changed_word_is_another_identity(
    part: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = load_instruction("read_face").identity()
    values = yaml.safe_load((wording.FOLDER / "read_face.yml").read_text())
    values[part] += "More."
    (tmp_path / "read_face.yml").write_text(yaml.safe_dump(values))
    monkeypatch.setattr(wording, "FOLDER", tmp_path)
    after = load_instruction("read_face").identity()
    assert after["hash"] != before["hash"] and after["version"] == before["version"]


@given(st.text(alphabet="abc</>-\ncaption0123456789", max_size=80))
def test_no_caption_closes_its_tags(caption: str) -> None:
    opening, _, closing = in_tags(caption).partition(f"\n{caption}\n")
    assert opening.strip("<>") == closing.strip("</>")
    assert opening not in caption and closing not in caption
