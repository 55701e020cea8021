"""Finds the person whom a prompt is about, by grammar: rules that give the same answer every time and need no model.

1. Text between double quotation marks is what somebody says or a sign shows; nobody in it is the subject
   (unless the marks enclose the whole prompt).
2. The prompt is cut into noun phrases (:mod:`.noun_phrases`). Each is weighed (:mod:`.evidence`): its head, what it does, wears and
   owns, who is shown. *He* and *she* count as people. The first singular person wins ("A man and two boys" is about the man). A
   possessive ("a doctor's office") and the first part of a thing ("a chef hat") name no person.
3. A person inside an introductory phrase ("Next to a man, a woman dances") yields to the first one behind its comma.
4. Else the first group ("two dancers") or *they*; else there is no subject.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from tpige_kedro.prompts.grammar import people_words as words
from tpige_kedro.prompts.grammar.candidates import (
    PERSON,
    POSSIBLE,
    Candidate,
    Kind,
    bare_opening,
    candidates,
)
from tpige_kedro.prompts.grammar.evidence import describes, is_inverted
from tpige_kedro.prompts.grammar.noun_phrases import WORD, Phrase, Sentence, Word, phrase_at

QUOTED = re.compile(r"\"[^\"]*\"|“[^”]*”|«[^»]*»|「[^」]*」")
SENTENCE_END = re.compile(r"[.!?。！？\n]")
SENTENCE_GAP = re.compile(r"[.!?…]['’\")\]]*\s|[。！？\n]")
COLON_GAP = re.compile(r":\s")
FRONTED = ("pronoun", "contracted")


@dataclass(frozen=True)
class Subject:
    """The noun phrase at ``prompt[start:end]``; ``plural`` when it names several people.

    ``kind`` is "pronoun" for *he* and "contracted" for *the chef's cooking* (a clause does not read well behind them), "object" for
    *him*. ``clause_at`` is where a clause about the person reads well: behind the phrase and its *of* ("the captain of the ship"), for
    these two kinds in front of their sentence.
    """

    start: int
    end: int
    plural: bool = False
    kind: Kind = "noun"
    clause_at: int = 0


@lru_cache(maxsize=4096)
def find_subject(prompt: str) -> Subject | None:
    """The subject's noun phrase, or None where the prompt names nobody. The module's text has the rules.

    >>> prompt = "In a sunlit kitchen, a pastry chef dusts a cake."
    >>> subject = find_subject(prompt)
    >>> prompt[subject.start : subject.end]
    'a pastry chef'
    """
    s = Sentence.of(list(_tokens(prompt)))
    found = list(candidates(s))
    for group in (
        [c for c in found if not c.plural and c.score >= PERSON],
        [c for c in found if not c.plural],
        [c for c in found if c.plural and c.score >= PERSON],
    ):
        if group:
            return _subject(s, prompt, _behind_introduction(s, prompt, group))
    last = _last_resort(s)
    return _subject(s, prompt, last) if last else None


def subject_of(prompt: str) -> str:
    """The subject's noun phrase as written ("an astronaut"), or the empty string."""
    subject = find_subject(prompt)
    return prompt[subject.start : subject.end] if subject else ""


def quoted_spans(prompt: str) -> list[tuple[int, int]]:
    """Where text between double quotation marks (straight, curly, « », 「 」) begins and ends; not a prompt wholly in them."""
    return [match.span() for match in QUOTED.finditer(prompt) if match.group() != prompt.strip()]


def _tokens(prompt: str) -> Iterator[Word]:
    quoted = quoted_spans(prompt)
    end = 0
    for match in WORD.finditer(prompt):
        if not quoted or not any(a <= match.start() < b for a, b in quoted):
            yield Word(match.group(), match.start(), match.end(), prompt[end : match.start()])
            end = match.end()


def _last_resort(s: Sentence) -> Candidate | None:
    """ "Model on a runway", "her eyes", "I walk": where nobody else is named."""
    opening = bare_opening(s)
    if opening is not None:
        return Candidate(opening, POSSIBLE)
    for index, word in enumerate(s.lower):
        speaks = word in {"i", "you", "i'm"} and s.follows(index + 1) not in words.PERCEPTION
        if word in {"his", "her"} or speaks:
            return Candidate(Phrase(index, index), POSSIBLE, kind="pronoun")
    return None


def _subject(s: Sentence, prompt: str, found: Candidate) -> Subject:
    phrase, head = found.phrase, s.words[found.phrase.head]
    start, end = s.words[phrase.start].start, head.end
    if found.kind in FRONTED:
        end = head.start + len(re.split(r"['’]", head.text)[0])
        return Subject(start, end, found.plural, found.kind, _front(s, prompt, phrase.start))
    clause_at = end
    if found.kind == "noun" and not found.plural and s.follows(phrase.end) == "of":
        inner = phrase_at(s, phrase.end + 1) if s.follows(phrase.end + 1) else None
        if inner is not None and not inner.contracted:
            clause_at = s.words[inner.head].end
    return Subject(start, end, found.plural, found.kind, clause_at)


def _front(s: Sentence, prompt: str, index: int) -> int:
    """Where the sentence of the word at ``index`` begins, or what follows its last colon before that word."""
    while index > 0:
        gap = QUOTED.sub("", s.words[index].gap)
        if SENTENCE_GAP.search(gap) or COLON_GAP.search(gap):
            return s.words[index].start
        index -= 1
    opening = prompt[: s.words[0].start]
    is_said_before = QUOTED.search(opening) is not None
    return len(opening) - len(opening.lstrip()) if is_said_before else len(opening)


def _behind_introduction(s: Sentence, prompt: str, found: Sequence[Candidate]) -> Candidate:
    first = found[0]
    opening = _introduction(s, first.phrase)
    if not opening:
        return first
    for other in found[1:]:
        between = prompt[s.words[first.phrase.head].end : s.words[other.phrase.start].start]
        if SENTENCE_END.search(between):
            break
        pronoun_means_first = other.kind == "pronoun" and opening not in words.PREPOSITIONS
        if "," in between and not pronoun_means_first and not _introduction(s, other.phrase):
            return other
    return first


def _introduction(s: Sentence, phrase: Phrase) -> str:
    """The word with which an introductory phrase begins that holds ``phrase``, or the empty string."""
    index = phrase.start
    if is_inverted(s, phrase):
        return ""
    while index > 0 and s.touches[index]:
        index -= 1
    word = s.lower[index]
    if index == phrase.start and word not in words.INTRODUCTIONS:
        return ""
    return word if word in words.INTRODUCTIONS or describes(word) else ""
