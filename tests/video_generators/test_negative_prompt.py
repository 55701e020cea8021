"""The negative prompt: its text, files that hold one, and that clips are known by the text and not by where it stands."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tiny_wan import OPTIONS
from vace_runs import PLAIN, one, request

from tpige_kedro.hooks.model_options import option_problems
from tpige_kedro.models import model_identity
from tpige_kedro.schemas import ModelSpec
from tpige_kedro.video_generators.negative_prompt import text_of
from tpige_kedro.video_generators.wan_options import WanOptions
from tpige_kedro.video_generators.wan_vace import WanVace

CLASSES = {
    "vace": "tpige_kedro.video_generators.wan_vace.WanVace",
    "phantom": "tpige_kedro.video_generators.phantom.Phantom",
    "still": "tpige_kedro.image_editors.vace_still.VaceStill",
}


def spec(kind: str = "vace", **options: Any) -> ModelSpec:
    further = {"base": "owner/name"} if kind == "phantom" else {}
    return ModelSpec(
        type=CLASSES[kind], licence="any", source="owner/other", options={**further, **options}
    )


def problems(**options: Any) -> str:
    return "\n".join(option_problems({"a": spec(**options)}))


def test_every_term_of_the_published_prompt_has_words_of_its_own() -> None:
    terms = text_of("wan").split("，")
    assert len(terms) == len(set(terms)) == 28  # still, motionless and motionless picture are three
    assert all(any("\u4e00" <= letter <= "\u9fff" for letter in term) for term in terms)


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("模糊, blurred".encode(), "模糊, blurred"),
        ("\ufeff模糊\r\n".encode(), "模糊"),  # saved by an editor on Windows
        (b"\n  blurred\nugly \n", "blurred\nugly"),
    ],
)
def test_a_file_is_read_as_utf_8(tmp_path: Path, content: bytes, text: str) -> None:
    (tmp_path / "negative.txt").write_bytes(content)
    assert text_of("", str(tmp_path / "negative.txt")) == text
    assert not problems(negative_prompt_file=str(tmp_path / "negative.txt"))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("模糊".encode("gbk"), "is not UTF-8"),
        ("模糊".encode("utf-16"), "is not UTF-8"),
        (b" \n", "is empty"),
        (b"x" * 20_001, "too many for a prompt"),
        (None, "does not exist"),
        ("folder", "is not a file"),
    ],
)
def test_a_file_that_is_none_is_named_before_a_run(
    tmp_path: Path, content: Any, message: str
) -> None:
    file = tmp_path / "negative.txt"
    if content == "folder":
        file.mkdir()
    elif content is not None:
        file.write_bytes(content)
    said = problems(negative_prompt_file=str(file))
    assert message in said and "models.a.options.negative_prompt_file" in said and str(file) in said


def test_a_file_takes_the_place_of_the_shipped_text(tmp_path: Path) -> None:
    (tmp_path / "negative.txt").write_text("blurred")
    given = {"negative_prompt": "wan", "negative_prompt_file": str(tmp_path / "negative.txt")}
    assert text_of(*given.values()) == "blurred" and not problems(**given)
    assert model_identity(spec(**given)) == model_identity(spec(negative_prompt="blurred"))


def test_two_negative_prompts_are_refused(tmp_path: Path) -> None:
    (tmp_path / "negative.txt").write_text("blurred")
    both = {"negative_prompt": "ugly", "negative_prompt_file": str(tmp_path / "negative.txt")}
    assert "remove one of them" in problems(**both)
    with pytest.raises(ValueError, match="remove one of them"):
        WanOptions(**both)


@pytest.mark.parametrize("kind", sorted(CLASSES))
def test_the_text_decides_the_fingerprint_not_its_place(kind: str, tmp_path: Path) -> None:
    one, other = tmp_path / "one.txt", tmp_path / "other.txt"
    one.write_text("ugly\n", encoding="utf-8")
    other.write_text("ugly", encoding="utf-8")
    plain = model_identity(spec(kind, negative_prompt="ugly"))
    assert model_identity(spec(kind, negative_prompt_file=str(one))) == plain
    assert model_identity(spec(kind, negative_prompt_file=str(other))) == plain
    one.write_text("uglier", encoding="utf-8")
    assert model_identity(spec(kind, negative_prompt_file=str(one))) != plain


def test_the_shipped_text_decides_it_too() -> None:
    named, written = spec(negative_prompt="wan"), spec(negative_prompt=text_of("wan"))
    assert model_identity(named) == model_identity(written)
    spread = {"generator": CLASSES["vace"], "gpus": 2, "split": "context"}
    several = ModelSpec(
        type="tpige_kedro.video_generators.several_gpus.SeveralGpus",
        licence="any",
        source="owner/other",
        options={**spread, "negative_prompt": "wan"},
    )
    assert model_identity(several)["options"]["negative_prompt"] == text_of("wan")
    assert "negative_prompt" not in model_identity(spec())["options"]


def test_a_clip_says_which_text_it_was_made_with(vace_folder: Path, tmp_path: Path) -> None:
    file = tmp_path / "negative.txt"
    file.write_text("grey blurred\n", encoding="utf-8")
    options = {**OPTIONS, "negative_prompt": "", "steps": 1}
    generator = WanVace(str(vace_folder), **options, negative_prompt_file=str(file))
    clip = one(generator, request(), PLAIN)
    assert clip.details["negative_prompt"] == "grey blurred"
    assert clip.details["frame_rounding"] == "nearest"
    written = WanVace(str(vace_folder), **{**options, "negative_prompt": "grey blurred"})
    assert (clip.frames == one(written, request(), PLAIN).frames).all()
