"""Parsing what models say: never anything but an object, a text, or a reason."""

from __future__ import annotations

import contextlib
import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tpige_kedro.errors import AnswerError
from tpige_kedro.prompts.checks import failed_checks
from tpige_kedro.prompts.clause import compose_clause
from tpige_kedro.vision_language.answers import caption_in, object_in
from tpige_kedro.vision_language.faces import read_form
from tpige_kedro.vision_language.forms import AGE_RANGES, FACE, GENDERS

JSON = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)  # fmt: skip


@given(st.dictionaries(st.text(max_size=8), JSON, max_size=4), st.sampled_from(["{}", "```json\n{}\n```", "Sure!\n```\n{}\n```\nBye.", "Here: {}", "{} - done"]))  # fmt: skip
def test_an_object_is_found_in_fences_and_talk(value: dict[str, Any], around: str) -> None:
    assert object_in(around.replace("{}", json.dumps(value), 1)) == value


@given(st.dictionaries(st.text(max_size=8), JSON, min_size=1, max_size=4), st.data())
def test_a_truncated_object_is_refused(value: dict[str, Any], data: st.DataObject) -> None:
    text = json.dumps(value)
    with pytest.raises(AnswerError):
        object_in(text[: data.draw(st.integers(0, len(text) - 1))])


@given(st.text(max_size=100), st.text(max_size=30))
def test_any_text_is_a_caption_or_a_reason(answer: str, original: str) -> None:
    try:
        assert caption_in(answer, original).strip()
    except AnswerError as error:
        assert str(error)


@given(st.text(min_size=1).filter(lambda t: t.strip()), st.text(max_size=10))
def test_the_form_gives_back_the_caption_as_it_is(caption: str, original: str) -> None:
    original = caption[:1] + original  # what a caption begins with is never taken off
    assert caption_in(json.dumps({"caption": caption}), original) == caption.strip()


@pytest.mark.parametrize(
    ("answer", "original", "caption"),
    [
        ('"A man walks."', "A man walks.", "A man walks."),
        ("“A man walks.”", "A man walks.", "A man walks."),
        ('"A man walks."', '"A man walks."', '"A man walks."'),
        ('"No!" says a man.', '"No!" says a man.', '"No!" says a man.'),
        ("```\nA man walks.\n```", "A man walks.", "A man walks."),
        ('{"a": 1} is on a sign.', '{"a": 1} is on a sign.', '{"a": 1} is on a sign.'),
    ],
)
def test_caption_in(answer: str, original: str, caption: str) -> None:
    assert caption_in(answer, original) == caption


@given(JSON)
def test_any_json_is_a_reading_or_a_reason(value: Any) -> None:
    try:
        read_form(json.dumps(value))
    except AnswerError as error:
        assert str(error)


def seen(values: st.SearchStrategy[str]) -> st.SearchStrategy[Any]:
    return st.none() | st.fixed_dictionaries({"value": values, "confidence": st.floats(0, 1)})


WORDS = st.text(max_size=20) | st.sampled_from(
    ["fair skin", "red hat", "a beard", "grey beard", "brown eyes", "scar"]
)


@given(
    st.fixed_dictionaries(
        {
            "face_visible": st.just(True),
            "age_range": seen(st.sampled_from(AGE_RANGES)),
            "gender_presentation": seen(st.sampled_from(GENDERS)),
            **{name: seen(WORDS) for name in ("skin", "hair", "eyes", "facial_hair")},
            "traits": st.lists(seen(WORDS).filter(bool), max_size=6),
        }
    )
)
def test_whatever_the_form_says_the_clause_is_about_a_face(form: dict[str, Any]) -> None:
    reading = read_form(json.dumps(form))
    clause = compose_clause(reading.attributes)
    assert failed_checks("", clause, max_added_words=100) == []
    assert "\n" not in clause


def form(**changes: Any) -> str:
    keys = FACE.schema["required"]
    return json.dumps({**dict.fromkeys(keys), "face_visible": True, "traits": [], **changes})


@pytest.mark.parametrize(
    ("changes", "clause"),
    [
        ({"gender_presentation": {"value": "feminine", "confidence": 1}, "age_range": {"value": "0-12", "confidence": 1}}, "a girl"),
        ({"gender_presentation": {"value": "masculine", "confidence": 1}, "age_range": {"value": "13-19", "confidence": 1}}, "a teenage boy"),
        ({"gender_presentation": {"value": "unclear", "confidence": 1}, "age_range": {"value": "70+", "confidence": 1}}, "an elderly person"),
        ({"skin": {"value": "Light brown skin tone", "confidence": 1}}, "a light brown-skinned person"),
        ({"facial_hair": {"value": "full beard", "confidence": 1}}, "a person with a full beard"),
        ({"facial_hair": {"value": "clean-shaven", "confidence": 1}}, ""),
        ({"facial_hair": {"value": "none", "confidence": 1}}, ""),
        ({"traits": [{"value": "Freckles.", "confidence": 1}]}, "a person with freckles"),
        ({"skin": {"value": "olive", "confidence": 1}}, "an olive-skinned person"),
        ({"hair": {"value": "Dark brown, wavy", "confidence": 1}}, "a person with dark brown, wavy hair"),
        ({"hair": {"value": "bald", "confidence": 1}}, "a person with a bald head"),
        ({"eyes": {"value": "hazel", "confidence": 1}}, "a person with hazel eyes"),
        ({"hair": {"value": "a straw hat", "confidence": 1}}, ""),
    ],
)  # fmt: skip
def test_from_form_to_clause(changes: dict[str, Any], clause: str) -> None:
    assert compose_clause(read_form(form(**changes)).attributes) == clause


def test_of_many_traits_the_first_four_are_taken() -> None:
    said = ["freckles", "a scar", "dimples", "round glasses", "a mole", "thick eyebrows"]
    traits = [{"value": trait, "confidence": 1} for trait in said]
    found = read_form(form(traits=traits)).attributes.traits
    assert [trait.text for trait in found] == said[:4]


@pytest.mark.parametrize("confidence", [0, 1, 0.0, 1.0])
def test_a_confidence_at_either_end_is_one(confidence: float) -> None:
    found = read_form(form(hair={"value": "red", "confidence": confidence})).attributes
    assert found.hair is not None and found.hair.confidence == confidence


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"age_range": {"value": "old", "confidence": 1}}, "age_range: 'old' is none of"),
        ({"hair": "brown"}, "hair: not an object"),
        ({"hair": {"value": "brown", "confidence": "high"}}, "confidence is not a number"),
        ({"hair": {"value": "brown", "confidence": 2}}, "outside 0 to 1"),
        ({"traits": "freckles"}, "traits: not a list"),
    ],
)
def test_a_wrong_form_says_what_is_wrong(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(AnswerError, match=words):
        read_form(form(**changes))


HOSTILE = ['{"a":', "{", '"{\\"', "/*", '{"a": /*', '"\\"', "<think>", "</think>", "```\n", "~~~", "{'a': ", "<", "<|channel|>analysis", "<answer>", "data:image/png;base64,", "\\u", "&#", '{"a": "', "{“", ",", ", }", '{"caption": 1}', "[", '{"a":1,}']  # fmt: skip


@pytest.mark.parametrize("part", HOSTILE)
@pytest.mark.parametrize("before", ["", "{", '{"a": "'])
def test_no_answer_keeps_the_reader_busy(part: str, before: str) -> None:
    answer = before + part * (300_000 // len(part))
    started = time.process_time()
    for ask in (lambda: caption_in(answer, "A man."), lambda: read_form(answer)):
        with contextlib.suppress(AnswerError):
            ask()
    assert time.process_time() - started < 5
