"""A grammar without recursion as a finite automaton: says where a sequence of word classes stops being a phrase.

The grammar becomes a non-deterministic automaton without silent moves (Glushkov's construction, equal states merged rule by rule).
Its deterministic form is built step by step, as texts need it: each word costs one look into a dictionary, and there is no
backtracking.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

SYMBOL = re.compile(r"'[^']+(?:'\w+)?'|\w+|[()|*+?]")
RULE = re.compile(r"^([a-z_]+) *=(.*(?:\n[ \t]+.*)*)", re.MULTILINE)
Labels = frozenset[str]
Moves = frozenset[tuple[str, int]]  # label of a word, state that follows


@dataclass(frozen=True)
class Part:
    """An automaton of a part of the grammar: the moves of each state, and where it may end. It begins in state 0, which is never re-entered."""

    moves: tuple[Moves, ...]
    ends: frozenset[int]

    @classmethod
    def of(cls, label: str) -> Part:
        """One word with ``label``."""
        return cls((frozenset({(label, 1)}), frozenset()), frozenset({1}))

    def then(self, other: Part) -> Part:
        """This, and behind it the other."""
        added, begin = other._moved(len(self.moves) - 1)
        moves = [m | begin if i in self.ends else m for i, m in enumerate(self.moves)]
        ends = {end + len(self.moves) - 1 for end in other.ends if end}
        return Part((*moves, *added), frozenset(ends | (self.ends if 0 in other.ends else set())))

    def __or__(self, other: Part) -> Part:
        added, begin = other._moved(len(self.moves) - 1)
        ends = {end + len(self.moves) - 1 if end else 0 for end in other.ends}
        return Part((self.moves[0] | begin, *self.moves[1:], *added), self.ends | frozenset(ends))

    def repeated(self) -> Part:
        """This once or several times."""
        return Part(
            tuple(m | self.moves[0] if i in self.ends else m for i, m in enumerate(self.moves)),
            self.ends,
        )

    def optional(self) -> Part:
        """This or nothing."""
        return Part(self.moves, self.ends | {0})

    def _moved(self, by: int) -> tuple[tuple[Moves, ...], Moves]:
        moved = [frozenset((label, to + by) for label, to in m) for m in self.moves]
        return tuple(moved[1:]), moved[0]

    def reduced(self) -> Part:
        """The same with states merged from which the same can follow."""
        size = len(self.moves)
        kinds = [0 if i == 0 else 1 + (i in self.ends) for i in range(size)]
        labels = {label: 0 for m in self.moves for label, _ in m}
        codes = {label: (size + 2) * index for index, label in enumerate(labels)}
        coded = [[(codes[label], to) for label, to in m] for m in self.moves]  # as sums: fast
        while True:
            numbers: dict[tuple[int, frozenset[int]], int] = {}
            finer = [
                numbers.setdefault(
                    (kind, frozenset([code + kinds[to] for code, to in m])), len(numbers)
                )
                for kind, m in zip(kinds, coded, strict=True)
            ]
            if len(numbers) == len(set(kinds)):
                break
            kinds = finer
        moves: dict[int, Moves] = {}
        for kind, m in zip(finer, self.moves, strict=True):
            moves[kind] = frozenset((label, finer[to]) for label, to in m)
        return Part(
            tuple(moves[i] for i in range(len(moves))), frozenset(finer[end] for end in self.ends)
        )


NOTHING = Part((frozenset(),), frozenset({0}))


class Automaton:
    """Accepts the sequences of words that the rule ``start`` of a grammar describes.

    A grammar has one rule a paragraph, ``name = expression``; further lines are indented, ``#`` begins a comment. In an expression
    stand names of rules (``lower_case``), classes of words (``UPPER_CASE``), single words (``'of'``), and ``( ) | * + ?``.

    >>> phrase = Automaton("start = DET? adjectives NOUN\\nadjectives = (ADJ 'and'?)*", "start")
    >>> a, big, nose = frozenset({"DET"}), frozenset({"ADJ"}), frozenset({"NOUN"})
    >>> phrase.first_stop([a, big, big, nose]) is None
    True
    >>> phrase.first_stop([a, big, a]), phrase.first_stop([a, big])
    (2, 2)
    """

    def __init__(self, grammar: str, start: str) -> None:
        reader = GrammarReader(grammar)
        whole = reader.rule(start)
        self._groups = reader.groups
        self.labels = frozenset(label for moves in whole.moves for label, _ in moves)
        self.labels = self.labels.union(*reader.groups.values())
        self._moves = whole.moves
        self._ends = whole.ends
        self._numbers: dict[frozenset[int], int] = {}
        self._sets: list[frozenset[int]] = []
        self._accepting: list[bool] = []
        self._next: dict[tuple[int, Labels], int] = {}
        self._dead = self._number(frozenset())
        self._begin = self._number(frozenset({0}))

    def first_stop(self, said: Sequence[Labels]) -> int | None:
        """The index of the first word with which no phrase continues; ``len(said)`` if a phrase ends too early; None if there is no problem."""
        state = self._begin
        for index, labels in enumerate(said):
            known = self._next.get((state, labels))
            state = self._step(state, labels) if known is None else known
            if state == self._dead:
                return index
        return None if self._accepting[state] else len(said)

    def _step(self, state: int, labels: Labels) -> int:
        known = labels | {name for name, members in self._groups.items() if members & labels}
        reached = (
            to for at in self._sets[state] for label, to in self._moves[at] if label in known
        )
        number = self._next[state, labels] = self._number(frozenset(reached))
        return number

    def _number(self, states: frozenset[int]) -> int:
        if states not in self._numbers:
            self._numbers[states] = len(self._sets)
            self._accepting.append(bool(states & self._ends))
            self._sets.append(states)
        return self._numbers[states]


class GrammarReader:
    """The parts of a grammar by the names of their rules."""

    def __init__(self, grammar: str) -> None:
        text = re.sub(r"#.*", "", grammar)
        self._rules = {name: SYMBOL.findall(body) for name, body in RULE.findall(text)}
        self._known: dict[str, Part] = {}
        self.groups: dict[
            str, Labels
        ] = {}  # rules that are a choice of single words: one move each

    def rule(self, name: str, within: tuple[str, ...] = ()) -> Part:
        """The rule ``name``.

        Raises:
            ValueError: there is none, it contains itself, or its brackets do not match.
        """
        if name in within:
            raise ValueError(f"grammar: the rule {name} contains itself")
        if name not in self._rules:
            raise ValueError(f"grammar: there is no rule {name}")
        if name not in self._known:
            symbols = self._rules[name][::-1]
            part = self._alternatives(symbols, (*within, name))
            if symbols:
                raise ValueError(f"grammar: the rule {name} has a ) too many")
            if (
                within
                and set(self._rules[name][1::2]) == {"|"}
                and all(s.isupper() or s[0] == "'" for s in self._rules[name][::2])
            ):
                self.groups[name] = frozenset(label for label, _ in part.moves[0])
                part = Part.of(name)
            # smaller before it is copied into other rules; the first rule is in none
            self._known[name] = part.reduced() if within else part
        return self._known[name]

    def _alternatives(self, symbols: list[str], within: tuple[str, ...]) -> Part:
        part = self._sequence(symbols, within)
        while symbols and symbols[-1] == "|":
            symbols.pop()
            part = part | self._sequence(symbols, within)
        return part

    def _sequence(self, symbols: list[str], within: tuple[str, ...]) -> Part:
        part = NOTHING
        while symbols and symbols[-1] not in "|)":
            one = self._one(symbols, within)
            while symbols and symbols[-1] in "*+?":
                times = symbols.pop()
                one = one if times == "?" else one.repeated()
                one = one if times == "+" else one.optional()
            part = part.then(one)
        return part

    def _one(self, symbols: list[str], within: tuple[str, ...]) -> Part:
        symbol = symbols.pop()
        if symbol == "(":
            part = self._alternatives(symbols, within)
            if not symbols:
                raise ValueError(f"grammar: the rule {within[-1]} lacks a )")
            symbols.pop()
            return part
        if symbol[0] == "'":
            return Part.of(symbol[1:-1])
        return self.rule(symbol, within) if symbol.islower() else Part.of(symbol)
