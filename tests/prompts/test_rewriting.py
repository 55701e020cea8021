"""What a model may make of a caption, case by case."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tpige_kedro.prompts.facts import contradictions, facial_facts
from tpige_kedro.prompts.rewriting import added_words, failed_rewrite_checks

FACE = "a young man with short brown hair and brown eyes"
MAN = "A man walks on a beach."
SHE = "She reads a letter. The room is dark."

CASES: list[tuple[str, str, str]] = [
    # prompt, caption of the model, the checks that it fails
    (MAN, "A man, a young man with short brown hair, walks on a beach.", ""),
    (MAN, "A young man with short brown hair walks on a beach.", ""),
    (MAN, "A man in his 20s with short brown hair walks on a beach.", ""),
    (MAN, "A man who has brown eyes and a light stubble walks on a beach.", ""),
    (MAN, "A man, sporting thinning brown hair, walks on a beach.", ""),
    (MAN, "A man with round glasses and freckles walks on a beach.", ""),
    (MAN, "A man, with a scar on his left cheek, walks on a beach.", ""),
    (MAN, "A  man,\nyoung, walks on a beach.", ""),
    (SHE, "She, a person with freckles, reads a letter. The room is dark.", ""),
    ("A man, tall, isn't “late”.", "A man, young, tall, isn't “late”.", ""),
    ("一位宇航员 walks.", "一位宇航员, a young person, walks.", ""),
    ("A man 🙂 walks!", "A man with brown eyes 🙂 walks!", ""),
    ("A blonde woman walks.", "A blonde woman with blue-green eyes walks.", "person"),
    # lost, altered or moved
    (MAN, "A young man with brown hair strolls on a beach.", "verbatim"),
    (MAN, "a young man walks on a beach.", "verbatim"),
    (MAN, "A young man walks on a beach", "verbatim"),
    (MAN, "On a beach, A young man walks.", "verbatim"),
    (MAN, "A young man walks on the beach.", "verbatim"),
    (MAN, "A young man-about-town walks on a beach.", "verbatim"),
    ("A man's dog waits.", "A mans young dog waits.", "verbatim"),
    ("A man isn't late.", "A young man is not late.", "verbatim"),
    ('A man says "No!" twice.', 'A young man says "No" twice.', "verbatim"),
    ("A man, alone, walks.", "A young man alone walks.", "verbatim"),
    ("A man walks at 3.5 km/h.", "A young man walks at 3 km/h.", "verbatim"),
    (MAN, "", "verbatim nothing"),
    (MAN, "HACKED", "verbatim"),
    (SHE, "She, with freckles, reads a letter.", "verbatim"),
    # more than the face
    (MAN, "A man in a red jacket walks on a beach.", "facial_only"),
    (MAN, "A young man in jeans walks on a beach.", "facial_only"),
    (MAN, "A man wearing crimson silk walks on a beach.", "facial_only action"),
    (MAN, "A young man with sunglasses walks on a beach.", "facial_only"),
    (MAN, "A young man with earrings walks on a beach.", "facial_only"),
    (MAN, "A young man walks on a beach at sunset.", "facial_only"),
    (MAN, "A young man walks on a beach near the sea.", "facial_only"),
    (MAN, "A young man holding a book walks on a beach.", "facial_only action"),
    (MAN, "A young man, dancing, walks on a beach.", "action"),
    (MAN, "A young man with a neutral expression walks on a beach.", "expression"),
    (MAN, "A smiling young man walks on a beach.", "expression"),
    ("A man in a red jacket walks.", "A man, young, in a red jacket walks.", ""),
    ("A man in a jacket walks.", "A man in a jacket, a young man in a jacket, walks.", "facial_only"),
    # form
    (MAN, "A man walks on a beach. He has brown hair.", "sentences"),
    (MAN, "A man, young! walks on a beach.", "sentences"),
    (MAN, "Here is the caption: A young man walks on a beach.", "meta"),
    (MAN, "A man, " + "young and " * 21 + "freckled, walks on a beach.", "length"),
    (MAN, MAN, "nothing"),
    (MAN, "A man, walks on a beach.", "nothing"),
    # against the prompt or the person
    (SHE, "She, a man with brown hair, reads a letter. The room is dark.", "gender"),
    ("A woman walks.", "A woman, a young man, walks.", "gender"),
    ("A blonde chef cooks.", "A blonde chef with brown hair cooks.", "hair_colour"),
    (MAN, "A man with long red hair walks on a beach.", "person"),
    (MAN, "A man, an elderly one, walks on a beach.", "person"),
    (MAN, "An elderly man walks on a beach.", "verbatim person"),
    (MAN, "A man with blue eyes walks on a beach.", "person"),
    ("A chef cooks.", "A chef, a young woman, cooks.", "person"),
]  # fmt: skip


@pytest.mark.parametrize(("prompt", "caption", "checks"), CASES)
def test_a_caption_fails_exactly_these_checks(prompt: str, caption: str, checks: str) -> None:
    failures = failed_rewrite_checks(prompt, caption, FACE)
    assert {failure.check for failure in failures} == set(checks.split()), [*map(str, failures)]


def test_there_are_enough_cases() -> None:
    assert len({(prompt, caption) for prompt, caption, _ in CASES}) == len(CASES) >= 40


def test_without_a_reading_there_is_nothing_to_contradict() -> None:
    assert failed_rewrite_checks(MAN, "A man with red hair walks on a beach.", "") == []


def test_added_words_are_those_of_the_model() -> None:
    assert added_words(MAN, "A tall man walks, slowly, on a beach.") == "tall , slowly ,"


@pytest.mark.parametrize(
    ("one", "other", "differ"),
    [
        ("a young man", "a man in his 30s", []),
        ("a man in his 30s", "a middle-aged man", []),
        ("a young man", "an elderly man", ["age"]),
        ("a man", "a woman", ["gender"]),
        ("a man with blond hair", "a golden-haired man", []),
        ("a man with blond hair", "a bald man", ["hair colour"]),
        ("a man with a full beard", "a bearded man", []),
        ("a clean-shaven man", "a man with a mustache", ["facial hair"]),
        ("blue-eyed", "with deep brown eyes", ["eye colour"]),
        ("a man with freckles", "someone with dimples", []),
        ("", "a man", []),
    ],
)
def test_contradictions(one: str, other: str, differ: list[str]) -> None:
    assert contradictions(one, other) == contradictions(other, one) == differ


@given(st.text(max_size=200))
def test_no_text_contradicts_itself(text: str) -> None:
    assert contradictions(text, text) == []
    assert all(facial_facts(text).values())


SENTENCES = st.lists(
    st.sampled_from(["A", "man", "walks", ",", ".", "“no”", "🙂", "宇航员", "don’t", "3.5", "-", "the", "BEACH"]),
    min_size=1,
    max_size=25,
)  # fmt: skip


@given(SENTENCES, st.data())
def test_what_is_lost_is_caught_wherever_the_clause_stands(
    words: list[str], data: st.DataObject
) -> None:
    prompt = " ".join(words)
    cut, lost = data.draw(st.tuples(*[st.integers(0, len(words) - 1)] * 2))
    clause = "younggg adult"

    def caption(said: list[str]) -> str:
        return " ".join([*said[:cut], clause, *said[cut:]])

    kept = [f.check for f in failed_rewrite_checks(prompt, caption(words), "")]
    spoiled = failed_rewrite_checks(prompt, caption(words[:lost] + words[lost + 1 :]), "")
    assert "verbatim" not in kept
    assert "verbatim" in [f.check for f in spoiled]
