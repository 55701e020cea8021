"""The clause that our own code composes passes its own check, whatever was read."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tpige_kedro.mini.world import vocabulary as mini
from tpige_kedro.prompts.attributes import Attribute, FaceAttributes
from tpige_kedro.prompts.checks import failed_checks, non_facial_words
from tpige_kedro.prompts.clause import compose_clause, insert_clause
from tpige_kedro.prompts.facial.lexicon import lexicon
from tpige_kedro.prompts.fitting import fit_attributes, wording_failures
from tpige_kedro.vision_language.faces import AGES, PEOPLE

HAIR = [style.format(colour=colour) for style in mini.HAIR_STYLES for colour in mini.HAIR_COLOURS]
VALUES: dict[str, list[str]] = {
    "age": [*mini.AGES, *filter(None, AGES.values()), "18-year-old"],
    "gender": [*mini.GENDERS, *PEOPLE.values()],
    "skin": [f"{tone}-skinned" for tone in (*mini.SKINS, "fair", "olive", "light brown", "medium")],
    "eyes": [f"{colour} eyes" for colour in (*mini.EYE_COLOURS, "hazel", "dark brown")],
    "hair": HAIR,
    "facial_hair": [*filter(None, mini.FACIAL_HAIR), "a short grey beard", "light stubble"],
    "traits": [*filter(None, mini.GLASSES), "freckles", "a scar on the left cheek", "dimples"],
}  # what the shipped readers can say


def attribute(name: str) -> st.SearchStrategy[Attribute | None]:
    return st.none() | st.sampled_from(VALUES[name]).map(Attribute)


FACES = st.builds(
    FaceAttributes,
    **{name: attribute(name) for name in VALUES if name != "traits"},
    traits=st.lists(st.sampled_from(VALUES["traits"]).map(Attribute), max_size=4).map(tuple),
)
WORDS = st.sampled_from(sorted(word.replace("_", " ") for word in lexicon()))
ANYTHING = st.lists(WORDS | st.text(max_size=8), max_size=5).map(" ".join).map(Attribute)
PROMPTS = [
    "A video of an astronaut waving a hand.",
    "Two chefs cook; the king watches them.",
    "She dances in the rain.",
    "Rain on a window at night.",
    "A man",
    "",
]


@pytest.mark.parametrize("name", VALUES)
def test_every_value_of_the_shipped_readers_fits(name: str) -> None:
    for value in VALUES[name]:
        assert wording_failures(name, value) == (), value


@given(FACES, st.sampled_from(PROMPTS))
def test_a_clause_of_known_values_passes(face: FaceAttributes, prompt: str) -> None:
    assert fit_attributes(face) == (face, [])
    enhanced = insert_clause(prompt, compose_clause(face))
    assert failed_checks(prompt, enhanced, max_added_words=200) == []


@given(
    st.builds(
        FaceAttributes,
        **{name: st.none() | ANYTHING for name in VALUES if name != "traits"},
        traits=st.lists(ANYTHING, max_size=3).map(tuple),
    ),
    st.sampled_from(PROMPTS),
)
def test_of_any_wording_what_fits_makes_a_clause_that_passes(
    face: FaceAttributes, prompt: str
) -> None:
    fitted, notes = fit_attributes(face)
    enhanced = insert_clause(prompt, compose_clause(fitted))
    assert non_facial_words(prompt, enhanced) == []
    given_, left = (
        sum(bool(a) for a in (f.age, f.skin, f.gender, f.hair, f.eyes, f.facial_hair, *f.traits))
        for f in (face, fitted)
    )
    assert len(notes) == given_ - left


def test_what_is_left_out_is_named() -> None:
    face = FaceAttributes(hair=Attribute("a straw hat"), eyes=Attribute("blue eyes"))
    fitted, notes = fit_attributes(face)
    assert fitted == FaceAttributes(eyes=Attribute("blue eyes"))
    assert notes == ["hair left out ('hat' is not about the face)"]


def test_all_pairs_of_traits_pass() -> None:
    for one, other in itertools.permutations(VALUES["traits"] + VALUES["hair"][:12], 2):
        face = FaceAttributes(traits=(Attribute(one), Attribute(other)))
        assert non_facial_words("A man walks.", f"A man, {compose_clause(face)}, walks.") == []
