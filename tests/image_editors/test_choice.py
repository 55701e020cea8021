import pytest
from PIL import Image

from tpige_kedro.image_editors.choice import Candidate, choose
from tpige_kedro.image_editors.protocol import Comparison

PICTURE = Image.new("RGB", (16, 16))


def candidates(*comparisons: Comparison) -> list[Candidate]:
    return [Candidate(seed, PICTURE, seen) for seed, seen in enumerate(comparisons)]


RIGHT = Comparison(True, 0.8, 10.0)
OCCLUDED = Comparison(False, None, 99.0)
STRANGER = Comparison(True, 0.05, 99.0)


def test_of_right_occluded_and_stranger_the_right_one_wins() -> None:
    choice = choose(candidates(OCCLUDED, STRANGER, RIGHT), 0.3)
    assert choice.best is not None
    assert choice.best.seed == 2
    assert choice.describe()["chosen"] == "enhanced"
    assert [c["similarity"] for c in choice.describe()["candidates"]] == [None, 0.05, 0.8]


@pytest.mark.parametrize(
    ("first", "second", "winner"),
    [
        (RIGHT, Comparison(True, 0.802, 11.0), 1),  # as similar, sharper
        (RIGHT, Comparison(True, 0.802, 9.0), 0),  # as similar, blurred
        (RIGHT, Comparison(True, 0.9, 1.0), 1),  # more similar, though blurred
        (Comparison(True, -0.2, 1.0), OCCLUDED, 0),  # a visible face beats a sharper hidden one
    ],
)
def test_face_then_similarity_then_sharpness(
    first: Comparison, second: Comparison, winner: int
) -> None:
    best = choose(candidates(first, second), -1.0).best
    assert best is not None
    assert best.seed == winner


@pytest.mark.parametrize(
    ("seen", "reason"),
    [
        ((OCCLUDED, OCCLUDED), "no face is visible"),
        ((STRANGER, OCCLUDED), "similarity is 0.050, below minimum_similarity 0.3"),
    ],
)
def test_else_the_original_stays_and_the_reason_is_said(
    seen: tuple[Comparison, ...], reason: str
) -> None:
    choice = choose(candidates(*seen), 0.3)
    assert choice.best is None
    assert reason in choice.reason
    assert choice.describe()["chosen"] == "original"
    assert len(choice.describe()["candidates"]) == 2


def test_the_minimum_itself_is_enough() -> None:
    assert choose(candidates(Comparison(True, 0.3, 1.0)), 0.3).best is not None
