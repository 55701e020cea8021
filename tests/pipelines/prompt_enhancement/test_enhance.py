"""What one prompt becomes, case by case: the model's text, the clause, or the prompt as it was; one person's texts agree."""

from __future__ import annotations

from typing import Any

import pytest

from tpige_kedro.pipelines.prompt_enhancement.enhance import Enhancement, enhance, enhance_prompt
from tpige_kedro.prompts.attributes import Attribute, FaceAttributes
from tpige_kedro.schemas import PromptEnhancement

ATTRIBUTES = PromptEnhancement(reader="r")
REWRITE = PromptEnhancement(reader="r", mode="rewrite")
CHEF, KNIGHT = "A chef cooks.", "A knight rides."
MAN = FaceAttributes(gender=Attribute("man"))
RED = FaceAttributes(gender=Attribute("man"), hair=Attribute("red hair"))


def answer(text: str = "", problem: str = "", *failed: str) -> dict[str, Any]:
    attempts = [{"text": "…", "failed": [{"check": check, "detail": ""}]} for check in failed]
    return {"text": text, "problem": problem, "attempts": attempts}


def rewritten(
    prompt: str, text: str, earlier: list[str], face: FaceAttributes | None = MAN
) -> Enhancement:
    return enhance(prompt, face, "", answer(text), earlier, REWRITE)


def test_what_was_added_to_one_prompt_binds_the_next_of_the_person() -> None:
    earlier: list[str] = []
    first = rewritten(CHEF, "A chef, a man with red hair, cooks.", earlier)
    assert first.source == "model" and earlier == [", a man with red hair ,"]
    other = rewritten(KNIGHT, "A knight, a man with black hair, rides.", earlier)
    assert other.source == "clause" and other.flags == ("person",)
    assert other.enhanced_prompt == "A knight, a man, rides."
    assert "hair colour: not as in other prompts of the person" in other.note
    same = rewritten(KNIGHT, "A knight, a man with red hair, rides.", earlier)
    assert same.source == "model" and same.flags == ()


def test_the_clause_that_stood_in_binds_the_next_too() -> None:
    earlier: list[str] = []
    fallen = enhance(CHEF, RED, "", answer(problem="not asked"), earlier, REWRITE)
    assert fallen.source == "clause" and earlier == ["a man with red hair"]
    other = rewritten(KNIGHT, "A knight, a man with black hair, rides.", earlier)
    assert other.source == "clause" and other.flags == ("person",)


def test_a_prompt_that_got_nothing_binds_nobody() -> None:
    earlier: list[str] = []
    made = enhance(CHEF, None, "no face", answer(problem="not asked"), earlier, REWRITE)
    assert made.source == "none" and made.enhanced_prompt == CHEF and earlier == []
    assert made.note == "not the model's text: not asked; no face" and made.flags == ("service",)


def test_a_text_that_fails_a_check_now_is_not_used() -> None:
    """Asked with other limits, or by another version of the checks."""
    earlier: list[str] = []
    made = rewritten(CHEF, "A chef in a red jacket cooks.", earlier)
    assert made.source == "clause" and made.flags == ("facial_only",)
    assert "facial_only: " in made.note and earlier == ["a man"]


def test_the_checks_of_earlier_answers_are_counted() -> None:
    text = "A chef, a man with red hair, cooks."
    made = enhance(CHEF, MAN, "", answer(text, "", "action", "verbatim"), [], REWRITE)
    assert made.source == "model" and made.flags == ("action", "verbatim")


@pytest.mark.parametrize(("most", "source"), [(5, "model"), (4, "none")])
def test_the_limit_on_words_holds_for_the_clause(most: int, source: str) -> None:
    made = enhance_prompt(CHEF, RED, ATTRIBUTES.model_copy(update={"max_added_words": most}))
    assert made.source == source  # "a man with red hair" has five
    assert (made.enhanced_prompt == CHEF) is (source == "none")
    assert made.flags == (() if source == "model" else ("length",))


@pytest.mark.parametrize(("most", "source"), [(5, "model"), (4, "none")])
def test_the_limit_on_words_holds_for_the_model(most: int, source: str) -> None:
    options = REWRITE.model_copy(update={"max_added_words": most})
    text = answer("A chef, a man with red hair, cooks.")
    made = enhance(CHEF, FaceAttributes(), "", text, [], options)
    assert made.source == source and ("length" in made.flags) is (source == "none")


@pytest.mark.parametrize(("confidence", "kept"), [(0.5, True), (0.49, False), (1.0, True)])
def test_the_minimum_of_confidence_itself_is_enough(confidence: float, kept: bool) -> None:
    face = FaceAttributes(gender=Attribute("man", confidence))
    made = enhance_prompt(CHEF, face, ATTRIBUTES)
    assert (made.clause == "a man") is kept
    assert made.note == ("" if kept else "nothing to add was read with confidence 0.5 or more")


def test_mode_attributes_asks_for_no_text() -> None:
    made = enhance(CHEF, RED, "", answer("A chef, bald, cooks."), [], ATTRIBUTES)
    assert made.enhanced_prompt == "A chef, a man with red hair, cooks."
