import pytest

from tpige_kedro.prompts.attributes import Attribute, FaceAttributes
from tpige_kedro.prompts.conflicts import gender_conflict, hair_colour_conflict, settle_conflicts

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


def test_conflicting_attributes_are_left_out_and_named() -> None:
    settled, notes = settle_conflicts("She shows her blond hair.", MAN)
    assert settled == FaceAttributes(age=Attribute("elderly"))
    assert notes == [
        "gender left out (prompt: feminine; face: masculine)",
        "hair left out (prompt: blond; face: red)",
    ]


def test_without_conflict_nothing_changes() -> None:
    assert settle_conflicts("A man waves.", MAN) == (MAN, [])
