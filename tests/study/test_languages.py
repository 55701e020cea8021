"""The words of the page: those that ship are whole, and a file of one's own is checked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from tpige_kedro.errors import TpigeError
from tpige_kedro.study.languages import languages, read_language

QUESTIONS = ("overall", "likeness", "text", "quality")


@pytest.fixture
def english() -> dict[str, Any]:
    return read_language("en", QUESTIONS)


@pytest.mark.parametrize("language", languages())
def test_what_ships_is_whole(language: str) -> None:
    words = read_language(language, QUESTIONS)
    assert words["language"] == language and list(words["questions"]) == list(QUESTIONS)


def test_only_the_questions_that_are_asked_in_their_order() -> None:
    assert list(read_language("en", ["text", "overall"])["questions"]) == ["text", "overall"]


def test_a_file_of_ones_own(tmp_path: Path, english: dict[str, Any]) -> None:
    file = tmp_path / "mine.yml"
    english["questions"]["hands"] = "Which hands?"
    file.write_text(yaml.safe_dump(english))
    assert read_language(str(file), ["hands"])["questions"] == {"hands": "Which hands?"}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"left": None}, "left is missing; add it"),
        ({"left": 3}, "left must be a text"),
        ({"left": ""}, "left must be a text, and not empty"),
        ({"left": {"a": "b"}}, "left must be a text"),
        ({"consent": "Yes?"}, "consent must be a list of texts"),
        ({"consent": []}, "consent must be a list of texts, and not empty"),
        ({"consent": ["a", 3]}, "consent holds something that is not a text"),
        ({"questions": ["overall"]}, "questions must be a mapping of texts"),
        ({"questions": {"likeness": "Who?"}}, "has no words for overall"),
        ({"progress": "{done}"}, r"progress must hold \{done\}, \{total\}"),
        ({"progress": "{done"}, "progress: .*correct its braces"),
        ({"left": "{left}"}, "left must hold nothing in braces"),
        ({"lefft": "x"}, "unknown key lefft"),
    ],
)
def test_what_is_wrong_is_named(
    tmp_path: Path, english: dict[str, Any], change: dict[str, Any], words: str
) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(yaml.safe_dump(english | change))
    with pytest.raises(TpigeError, match=words):
        read_language(str(file), ["overall"])


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"- a", "not a mapping"),
        (b"a: [", "not YAML"),
        (b"\xff\xfe\x00", "not YAML"),
        (b"", "not a mapping"),
    ],
)
def test_a_file_that_is_no_language(tmp_path: Path, content: bytes, words: str) -> None:
    file = tmp_path / "mine.yml"
    file.write_bytes(content)
    with pytest.raises(TpigeError, match=words):
        read_language(str(file), ["overall"])


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("nowhere/mine.yml", "cannot be read"),
        ("eng", "not known; did you mean en"),
        ("klingon", "there are de, en"),
        ("../en", "is not known"),
    ],
)
def test_a_language_that_is_not_there(language: str, words: str) -> None:
    with pytest.raises(TpigeError, match=words):
        read_language(language, ["overall"])
