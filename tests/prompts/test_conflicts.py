import pytest

from tpige_kedro.prompts.ages import age_groups, are_near
from tpige_kedro.prompts.attributes import Attribute, FaceAttributes
from tpige_kedro.prompts.conflicts import (
    age_conflict,
    gender_conflict,
    hair_colour_conflict,
    settle_conflicts,
)

MAN = FaceAttributes(
    age=Attribute("elderly"),
    gender=Attribute("man"),
    hair=Attribute("short red hair"),
    facial_hair=Attribute("a mustache"),
)


@pytest.mark.parametrize(
    ("prompt", "conflict"),
    [
        ("She waves.", True),
        ("A woman walks her dog.", True),
        ("The girl's father waves.", False),
        ("A lady laughs.", True),
        ("A queen laughs.", False),  # a role, that anyone may play
        ("He waves.", False),
        ("An astronaut waves.", False),
        ("A man hugs his daughter.", False),  # several people
        ('A man reads "she left".', False),
        ('A firefighter reads "she left".', False),  # a quotation says nothing of the subject
    ],
)
def test_gender_conflict(prompt: str, conflict: bool) -> None:
    assert (gender_conflict(prompt, "an elderly man") is not None) is conflict


@pytest.mark.parametrize(
    ("prompt", "conflict"),
    [
        ("A chef with blond hair cooks.", True),
        ("A blonde cooks.", True),
        ("A dark-haired chef with a black ponytail cooks.", True),
        ("A black-haired chef cooks.", True),
        ("A bald chef cooks.", True),
        ("A chef with long curly ginger hair cooks.", False),
        ("A redhead cooks.", False),
        ("A chef in a white coat, her hair tied, cooks.", False),
        ("A chef with blue eyes and red hair cooks.", False),
        ("A chef in a black hat cooks.", False),
    ],
)
def test_hair_colour_conflict(prompt: str, conflict: bool) -> None:
    assert (hair_colour_conflict(prompt, "a man with red hair") is not None) is conflict


@pytest.mark.parametrize(
    ("prompt", "face", "conflict"),
    [
        ("An old fisherman repairs a net.", "young", True),
        ("An elderly woman waves.", "in her twenties", True),
        ("The little girl runs.", "elderly", True),
        ("A teenager skates.", "middle-aged", True),
        ("A 70-year-old baker kneads.", "young", True),
        ("A seventy-year-old baker kneads.", "young", True),
        ("A woman in her early twenties dances.", "elderly", True),
        ("A man, aged 80, sings.", "young", True),
        ("A middle-aged clerk yawns.", "a child", True),
        ("A grandmother knits.", "young", True),
        ("A toddler laughs.", "young", True),
        ("A young chef cooks.", "elderly", True),
        ("An old fisherman repairs a net.", "elderly", False),
        ("An old fisherman repairs a net.", "middle-aged", False),  # neighbours may be one person
        ("A young chef cooks.", "middle-aged", False),
        ("A fisherman in an old boat rows.", "young", False),  # the boat is old
        ("An old man's young wife sings.", "young", False),  # the man is old
        ("A chef cooks for an old lady.", "young", False),
        ("In an ancient castle, a knight kneels.", "young", False),
        ('A chef says "I am old".', "young", False),
        ("A chef cooks.", "young", False),
        ("She waves.", "young", False),
    ],
)
def test_age_conflict(prompt: str, face: str, conflict: bool) -> None:
    assert (age_conflict(prompt, face) is not None) is conflict


@pytest.mark.parametrize(
    ("years", "group"),
    [(1, 0), (12, 0), (13, 1), (19, 1), (20, 2), (39, 2), (40, 3), (59, 3), (60, 4), (101, 4)],
)
def test_a_group_begins_with_its_first_year(years: int, group: int) -> None:
    assert age_groups(f"a {years}-year-old baker") == {group}
    assert age_groups(f"a baker aged {years}") == {group}


def test_groups_that_are_not_neighbours_are_apart() -> None:
    near = [[are_near({ours}, {theirs}) for theirs in range(5)] for ours in range(5)]
    assert near == [[abs(ours - theirs) < 2 for theirs in range(5)] for ours in range(5)]


def test_an_age_in_conflict_is_left_out_and_named() -> None:
    face = FaceAttributes(age=Attribute("young"), gender=Attribute("man"))
    settled, notes = settle_conflicts("An old fisherman repairs a net.", face)
    assert settled == FaceAttributes(gender=Attribute("man"))
    assert notes == ["age left out (prompt: old; face: young)"]


def test_conflicting_attributes_are_left_out_and_named() -> None:
    settled, notes = settle_conflicts("She shows her blond hair.", MAN)
    assert settled == FaceAttributes(age=Attribute("elderly"))
    assert notes == [
        "gender left out (prompt: feminine; face: masculine)",
        "hair left out (prompt: blond; face: red)",
    ]


def test_without_conflict_nothing_changes() -> None:
    assert settle_conflicts("A man waves.", MAN) == (MAN, [])
