from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from PIL import Image

from tpige_kedro.errors import NoFaceError
from tpige_kedro.mini.networks.attribute_reader import ATTRIBUTES
from tpige_kedro.mini.reader import MiniFaceReader, describe
from tpige_kedro.mini.world.captions import attributes_of
from tpige_kedro.mini.world.people import People


def logits_for(**values: int) -> dict[str, torch.Tensor]:
    """Logits that are nearly sure of the given values, 0 elsewhere."""
    logits = {name: torch.zeros(1, count) for name, count in ATTRIBUTES.items()}
    for name, value in values.items():
        logits[name][0, value] = 8.0
    return logits


def test_words_are_those_of_the_captions() -> None:
    told = describe(
        logits_for(
            age=2,
            gender=0,
            skin=0,
            hair_style=5,
            hair_colour=3,
            eye_colour=1,
            facial_hair=1,
            glasses=1,
            freckles=1,
        )
    )
    assert told.age is not None and told.age.text == "elderly"
    assert told.skin is not None and told.skin.text == "pale-skinned"
    assert told.hair is not None and told.hair.text == "red hair in a bun"
    assert told.eyes is not None and told.eyes.text == "blue eyes"
    assert told.facial_hair is not None and told.facial_hair.text == "a mustache"
    assert {t.text for t in told.traits} == {"freckles", "round glasses"}
    assert all(0.9 < t.confidence <= 1 for t in (told.age, told.skin, told.hair, *told.traits))


def test_what_is_not_there_is_not_named_and_doubt_lowers_confidence() -> None:
    told = describe(logits_for(facial_hair=0, glasses=0, freckles=0, gender=1))
    assert told.facial_hair is None
    assert told.traits == ()
    assert told.gender is not None and told.gender.text == "woman"
    assert told.age is not None and told.age.confidence == pytest.approx(1 / 3, abs=1e-3)
    assert told.hair is not None and told.hair.text == "a bald head"  # the first of equals
    assert told.hair.confidence == pytest.approx(1 / 7, abs=1e-3)


def test_it_reads_faces_only(trained: Path) -> None:
    reader = MiniFaceReader(str(trained / "face_reader"))
    with pytest.raises(NotImplementedError, match=r"prompt_enhancement\.mode"):
        reader.rewrite_prompt("A man.", Image.new("RGB", (80, 80)), "rewrite")


def test_unseen_people_are_read_right(
    shipped: Callable[[str], str], people: People, portraits: list[Image.Image]
) -> None:
    reader = MiniFaceReader(shipped("face_reader"))
    right: dict[str, list[bool]] = {}
    for i, portrait in enumerate(portraits):
        truth = attributes_of({name: values[i].item() for name, values in people.items()})
        told = reader.read_face(portrait.resize((320, 320)) if i % 2 else portrait)
        for name in ("gender", "hair", "eyes", "facial_hair"):
            a, b = getattr(truth, name), getattr(told, name)
            right.setdefault(name, []).append((a and a.text) == (b and b.text))
    for name, answers in right.items():
        assert sum(answers) >= 10, f"{name}: {sum(answers)} of {len(answers)} right"


@pytest.mark.parametrize("size", [(1, 1), (80, 80), (500, 300)])
def test_a_picture_without_a_face_is_refused(
    size: tuple[int, int], shipped: Callable[[str], str]
) -> None:
    reader = MiniFaceReader(shipped("face_reader"))
    with pytest.raises(NoFaceError, match="no face is visible"):
        reader.read_face(Image.new("RGB", size, (90, 120, 60)))
