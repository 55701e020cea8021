import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tpige_kedro.prompts.checks import added_tokens, failed_checks, is_verbatim, non_facial_words

PROMPT = "A man, in RED, isn't “late”."


@pytest.mark.parametrize(
    ("original", "enhanced", "verbatim"),
    [
        (PROMPT, PROMPT, True),
        (PROMPT, "A man, an old one with a beard, in RED, isn't “late”.", True),
        (PROMPT, "A man, in red, isn't “late”.", False),  # a capital
        (PROMPT, "A man, in RED, is not “late”.", False),  # a word
        (PROMPT, "A man, in RED, isn't late.", False),  # marks
        (PROMPT, "A man, in RED, isn't “late”", False),  # the full stop
        (PROMPT, "In RED, A man, isn't “late”.", False),  # the order
        ("A man walks.", "A young man slowly walks.", True),
        ("A man walks.", "A man-child walks.", False),  # half of a word is not the word
        ("a b a", "a a b", False),
        ("", "anything", True),
        ("一位宇航员。", "一位宇航员, featuring a man。", True),
        ("one  two\nthree", "one two three", True),  # white space separates only
    ],
)
def test_is_verbatim(original: str, enhanced: str, verbatim: bool) -> None:
    assert is_verbatim(original, enhanced) is verbatim


WORDS = st.lists(st.text(alphabet="abcdeABC", min_size=1, max_size=6), min_size=1, max_size=30)
CLAUSE = (
    ", zz xx yy,"  # no letters of the prompts, so that the clause cannot stand in for a lost word
)


@given(WORDS, st.data())
def test_a_clause_anywhere_keeps_the_prompt(words: list[str], data: st.DataObject) -> None:
    cut = data.draw(st.integers(0, len(words)))
    enhanced = " ".join([*words[:cut], CLAUSE, *words[cut:]])
    assert is_verbatim(" ".join(words), enhanced)
    assert added_tokens(" ".join(words), enhanced) == [",", "zz", "xx", "yy", ","]


@given(WORDS, st.data())
def test_deleting_a_word_is_caught(words: list[str], data: st.DataObject) -> None:
    lost = data.draw(st.integers(0, len(words) - 1))
    cut = data.draw(st.integers(0, len(words) - 1))
    rest = words[:lost] + words[lost + 1 :]
    assert not is_verbatim(" ".join(words), " ".join([*rest[:cut], CLAUSE, *rest[cut:]]))


@given(WORDS, st.data())
def test_altering_a_word_is_caught(words: list[str], data: st.DataObject) -> None:
    index = data.draw(st.integers(0, len(words) - 1))
    other = data.draw(st.sampled_from([words[index].swapcase(), words[index] + "x", "q"]))
    assume(other != words[index])
    altered = [*words[:index], other, *words[index + 1 :]]
    assert not is_verbatim(" ".join(words), " ".join(altered))


@pytest.mark.parametrize(
    ("clause", "strange"),
    [
        ("an old man with round glasses and a mustache", []),
        ("an old man in a red jacket", ["jacket"]),
        ("an old man with sunglasses", ["sunglasses"]),
        (
            "a woman with earrings before a blurred background",
            ["earrings", "before", "blurred", "background"],
        ),
        ("a sky-eyed man", []),
    ],
)
def test_only_facial_words_may_be_added(clause: str, strange: list[str]) -> None:
    assert non_facial_words("A man walks.", f"A man, {clause}, walks.") == strange


@pytest.mark.parametrize("thing", ["dresses", "watches", "brooches", "horses", "boxes", "scarves"])
def test_plurals_of_things_are_no_part_of_a_face(thing: str) -> None:
    assert non_facial_words("A man walks.", f"A man with {thing} walks.") == [thing]
    assert [f.check for f in failed_checks("A man walks.", f"A man with {thing} walks.")] == [
        "facial_only"
    ]


def test_clothing_of_the_prompt_itself_is_no_addition() -> None:
    prompt = "A man in a red jacket walks on a beach."
    assert failed_checks(prompt, prompt.replace("man", "man, an elderly man,")) == []


@pytest.mark.parametrize(
    ("enhanced", "check"),
    [
        ("A man walked.", "verbatim"),
        ("A man, an old man in a hat, walks.", "facial_only"),
        ("A man. He is old and walks.", "sentences"),
        ("A man, " + "very " * 41 + "old, walks.", "length"),
    ],
)
def test_each_check_names_itself(enhanced: str, check: str) -> None:
    assert check in [failure.check for failure in failed_checks("A man walks.", enhanced)]


@pytest.mark.parametrize("mark", ".!?。！？")
def test_every_mark_that_ends_a_sentence_is_counted(mark: str) -> None:
    failed = failed_checks("A man walks.", f"A man, old{mark} walks.")
    assert [f.detail for f in failed if f.check == "sentences"] == ["added 1 sentence mark(s)"]


def test_length_bound_is_inclusive() -> None:
    enhanced = "A man, pale and bald, walks."
    assert failed_checks("A man walks.", enhanced, max_added_words=3) == []
    assert [f.check for f in failed_checks("A man walks.", enhanced, max_added_words=2)] == [
        "length"
    ]
