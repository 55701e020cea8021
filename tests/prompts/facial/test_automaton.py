import itertools
import re

import pytest

from tpige_kedro.prompts.facial.automaton import Automaton

GRAMMAR = """
# what a noun phrase is
phrase = DET? modifiers (NOUN | 'one') behind*
modifiers = (ADJ 'and'?)*
behind = OF phrase_of
    | 'not' ADJ
phrase_of = NOUN+
"""
AS_REGEX = re.compile(r"D?(?:An?)*(?:N|o)(?:PN+|tA)*")
LETTERS = {"D": "DET", "A": "ADJ", "n": "and", "N": "NOUN", "o": "one", "P": "OF", "t": "not"}


def test_it_accepts_what_the_regular_expression_accepts() -> None:
    automaton = Automaton(GRAMMAR, "phrase")
    for length in range(6):
        for word in itertools.product(LETTERS, repeat=length):
            labels = [frozenset({LETTERS[letter], "other"}) for letter in word]
            accepted = automaton.first_stop(labels) is None
            assert accepted is bool(AS_REGEX.fullmatch("".join(word))), word


def test_a_word_of_several_classes_may_be_either() -> None:
    automaton = Automaton(GRAMMAR, "phrase")
    both = frozenset({"ADJ", "NOUN"})
    assert automaton.first_stop([both]) is None
    assert automaton.first_stop([both, both]) is None
    assert automaton.first_stop([frozenset()]) == 0


def test_where_it_stops() -> None:
    automaton = Automaton(GRAMMAR, "phrase")
    det, noun, adj = (frozenset({label}) for label in ("DET", "NOUN", "ADJ"))
    assert automaton.first_stop([det, noun, adj]) == 2
    assert automaton.first_stop([det, adj]) == 2  # it ends too early
    assert automaton.first_stop([]) == 0


def test_long_texts_take_no_longer_a_word() -> None:
    automaton = Automaton(GRAMMAR, "phrase")
    adj = frozenset({"ADJ", "NOUN", "DET"})
    assert automaton.first_stop([adj] * 20_000) is None


@pytest.mark.parametrize(
    ("grammar", "message"),
    [
        ("a = b", "no rule b"),
        ("a = X a", "contains itself"),
        ("a = (X", "lacks a \\)"),
        ("a = X)", "a \\) too many"),
    ],
)
def test_a_wrong_grammar_is_refused(grammar: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Automaton(grammar, "a")
