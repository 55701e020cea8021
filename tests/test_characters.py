"""What can be seen, what steers a terminal, and what looks like something else."""

from __future__ import annotations

import sys
import unicodedata

import pytest

from tpige_kedro.characters import control_in, distance, folded, is_visible, shown

INVISIBLE = {
    "nothing": "", "spaces": " \t\n\r\v\f", "no-break space": "\u00a0", "ideographic space": "\u3000", "all spaces": "\u1680\u2003\u2028\u2029\u202f\u205f",
    "zero-width space": "\u200b\u200b", "joiners": "\u200c\u200d", "word joiner": "\u2060", "mark": "\ufeff", "soft hyphen": "\u00ad",
    "selectors": "\ufe0f", "supplement": "\U000e0101", "tags": "".join(chr(0xE0000 + ord(c)) for c in "A chef cooks."),
    "Mongolian": "\u180b\u180e", "combining marks": "\u0301\u20dd", "grapheme joiner": "\u034f", "Hangul fillers": "\u115f\u1160\u3164\uffa0",
    "blank Braille": "\u2800", "directions": "\u200e\u200f\u061c", "invisible operators": "\u2061\u2064", "private": "\ue000", "Khmer": "\u17b4\u17b5",
}  # fmt: skip
CONTROLS = [
    *map(chr, sorted({*range(0x20)} - {9, 10, 13})), "\x7f", *map(chr, range(0x80, 0xA0)), *"\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069",
    "\ud800", "\udcff", "\ufffe", "\uffff", "\ufdd0", "\U0001ffff", "\U0010fffe", "\u206a", "\ufff9", "\ufffd",
    "\U000e0041", "\ufe0f\ufe0e", "\U000e0101\U000e0102",
]  # fmt: skip
FINE = [
    "A chef\ncooks.\tWell.", "👩‍🚀 floats", "🏳️‍🌈 waves", "🏴\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f in Edinburgh", "می\u200cخواهم",
    "क्\u200dष", "葛\U000e0100城", "a\u200bb", "e\u0301", "❤️", "1️⃣", "\u200fשלום", "日本", "soft\u00adhyphen", "\u1820\u180b", "…",
]  # fmt: skip


@pytest.mark.parametrize("kind", INVISIBLE)
def test_what_nobody_sees_is_no_text(kind: str) -> None:
    assert not is_visible(INVISIBLE[kind])
    assert is_visible(f"{INVISIBLE[kind]}x{INVISIBLE[kind]}")


@pytest.mark.parametrize("mark", CONTROLS, ids=ascii)
def test_controls_are_found_anywhere(mark: str) -> None:
    for text in (mark, f"A chef{mark} cooks.", f"A chef cooks.{mark}"):
        assert control_in(text).startswith("U+")


@pytest.mark.parametrize("text", FINE)
def test_what_scripts_and_emoji_need_is_fine(text: str) -> None:
    assert control_in(text) == "" and is_visible(text)


def test_nothing_that_is_shown_steers_a_terminal() -> None:
    for code in (*range(0x3000), *range(0xD7F0, 0x10010), *range(0xE0000, 0xE0200), sys.maxunicode):
        text = shown(chr(code))
        assert text == chr(code) or (text.isascii() and text.isprintable()), hex(code)
        if unicodedata.category(chr(code)) in {"Cc", "Cs", "Zl", "Zp"}:
            assert text != chr(code), hex(code)


def test_shown_keeps_what_can_be_seen() -> None:
    assert shown("Zoë [red]日本[/red] 👩‍🚀") == "Zoë [red]日本[/red] 👩‍🚀"
    assert shown("\x1b[2J\x1b]0;owned\x07") == "\\x1b[2J\\x1b]0;owned\\x07"
    assert shown("a\r\nb\u202ec\udcff", keep="\n") == "a\\r\nb\\u202ec\\udcff"


@pytest.mark.parametrize(
    ("one", "other", "errors"),
    [
        ("", "", 0),
        ("", "abc", 3),
        ("kitten", "sitting", 3),
        ("abcd", "abdc", 1),
        ("prompt", "prompt", 0),
        ("a", "b", 1),
    ],
)
def test_the_distance_counts_errors(one: str, other: str, errors: int) -> None:
    assert distance(one, other) == distance(other, one) == errors


def test_folding_is_the_same_twice() -> None:
    for text in ("Sample ID", "ｐｒｏｍｐｔ", "сonsеnt", "ﬁle", "ß", "Å"):
        assert folded(folded(text)) == folded(text)
