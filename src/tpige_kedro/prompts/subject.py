"""Finds the person whom a prompt is about, by rules that give the same answer every time.

The rules, in order:

1. Text between double quotation marks is what somebody says or a sign shows; nobody in it is the subject
   (unless the marks enclose the whole prompt).
2. The first singular person noun wins ("A man and two boys" is about the man). A possessive ("a doctor's office") and the
   first part of a thing ("a chef hat") name no person.
3. A person inside an introductory phrase ("Next to a man, a woman dances") yields to the first one behind its comma.
4. Else the first noun with the ending of an agent behind a determiner ("a glassblower"), else the first group
   ("two dancers"), else the first of *he, she, they*; else there is no subject.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from tpige_kedro.prompts import vocabulary as words

WORD = re.compile(r"[^\W_]+(?:[-'’][^\W_]+)*(?:(?<=s)['’])?")
QUOTED = re.compile(r"\"[^\"]*\"|“[^”]*”|«[^»]*»|「[^」]*」")
MAX_MODIFIERS = 6
FIRST_CJK = "\u3000"  # words in these scripts are no modifiers of an English noun


@dataclass(frozen=True)
class Subject:
    """The noun phrase at ``prompt[start:end]``; ``plural`` when it names several people."""

    start: int
    end: int
    plural: bool = False


@dataclass(frozen=True)
class _Word:
    text: str
    start: int
    end: int
    touches: bool  # only white space lies between it and the word before

    @property
    def lower(self) -> str:
        return self.text.lower().replace("’", "'")


def find_subject(prompt: str) -> Subject | None:
    """The subject's noun phrase, or None where the prompt names nobody. The module's text has the rules."""
    tokens = list(_tokens(prompt))
    singular = list(_heads(tokens, _is_person))
    if singular:
        return _phrase(tokens, _behind_introduction(prompt, tokens, singular))
    for test, plural in ((_is_agent, False), (_is_group, True), (_is_pronoun, False)):
        head = next(_heads(tokens, test), None)
        if head is not None:
            return _phrase(tokens, head, plural)
    return None


def subject_of(prompt: str) -> str:
    """The subject's noun phrase as written ("an astronaut"), or the empty string."""
    subject = find_subject(prompt)
    return prompt[subject.start : subject.end] if subject else ""


def quoted_spans(prompt: str) -> list[tuple[int, int]]:
    """Where text between double quotation marks (straight, curly, « », 「 」) begins and ends; not a prompt wholly in them."""
    return [match.span() for match in QUOTED.finditer(prompt) if match.group() != prompt.strip()]


def _tokens(prompt: str) -> Iterator[_Word]:
    quoted = quoted_spans(prompt)
    end = 0
    for match in WORD.finditer(prompt):
        if not any(start <= match.start() < stop for start, stop in quoted):
            touches = bool(end) and prompt[end : match.start()].isspace()
            yield _Word(match.group(), match.start(), match.end(), touches)
            end = match.end()


def _heads(tokens: Sequence[_Word], test: Callable[[Sequence[_Word], int], bool]) -> Iterator[int]:
    for index in range(len(tokens)):
        following = tokens[index + 1] if index + 1 < len(tokens) else None
        names_a_thing = (
            following is not None
            and following.touches
            and following.lower in words.THINGS_OF_PEOPLE
        )
        if test(tokens, index) and not names_a_thing:
            yield index


def _is_person(tokens: Sequence[_Word], index: int) -> bool:
    word = tokens[index].lower
    last = word.rpartition("-")[2]
    if word.endswith("-year-old"):
        return _has_determiner(tokens, index)
    if last in words.NEED_DETERMINER:
        return _has_determiner(tokens, index)
    return (
        word in words.PEOPLE
        or last in words.PEOPLE
        or (last.endswith(words.PERSON_ENDINGS) and len(last) > 6)
    )


def _is_agent(tokens: Sequence[_Word], index: int) -> bool:
    word = tokens[index].lower
    is_agent = len(word) > 4 and word.endswith(words.AGENT_ENDINGS) and word not in words.NOT_PEOPLE
    return is_agent and _has_determiner(tokens, index)


def _is_group(tokens: Sequence[_Word], index: int) -> bool:
    return tokens[index].lower in words.GROUPS


def _is_pronoun(tokens: Sequence[_Word], index: int) -> bool:
    return tokens[index].lower in {"he", "she", "they"}


def _has_determiner(tokens: Sequence[_Word], index: int) -> bool:
    return tokens[_phrase_start(tokens, index)].lower in words.DETERMINERS


def _phrase_start(tokens: Sequence[_Word], head: int) -> int:
    """Walk left over modifiers to the determiner; a boundary (mark, preposition, verb form) stops the walk."""
    index = head
    while tokens[index].touches and index > 0 and head - index < MAX_MODIFIERS:
        before = tokens[index - 1].lower
        if before in words.DETERMINERS:
            return index - 1
        if before in words.BOUNDARIES or before > FIRST_CJK:
            break
        index -= 1
    return index


def _behind_introduction(prompt: str, tokens: Sequence[_Word], heads: Sequence[int]) -> int:
    first = heads[0]
    opening = _sentence_opening(prompt, tokens, first)
    if opening not in words.PREPOSITIONS | words.SUBORDINATORS:
        return first
    sentence_end = re.compile(r"[.!?。！？\n]").search(prompt, tokens[first].end)
    limit = sentence_end.start() if sentence_end else len(prompt)
    comma = prompt.find(",", tokens[first].end, limit)
    behind = [head for head in heads if comma >= 0 and comma < tokens[head].start < limit]
    return behind[0] if behind else first


def _sentence_opening(prompt: str, tokens: Sequence[_Word], head: int) -> str:
    index = head
    while index > 0 and not re.search(
        r"[.!?。！？\n]", prompt[tokens[index - 1].end : tokens[index].start]
    ):
        index -= 1
    return tokens[index].lower


def _phrase(tokens: Sequence[_Word], head: int, plural: bool = False) -> Subject:
    start = _phrase_start(tokens, head)
    last = head
    while not plural and _joins_head(tokens, last + 1):
        last += 1
    last = _over_name(tokens, last)
    return Subject(tokens[start].start, tokens[last].end, plural)


def _joins_head(tokens: Sequence[_Word], index: int) -> bool:
    """ "a student nurse": a second person noun right behind the first is the head; a possible verb is not."""
    if index >= len(tokens) or not tokens[index].touches:
        return False
    word = tokens[index].lower
    return word in words.PEOPLE - words.NEED_DETERMINER


def _over_name(tokens: Sequence[_Word], last: int) -> int:
    """ "a woman named Anna Maria": the name belongs to the phrase."""
    following = last + 1
    if (
        following < len(tokens)
        and tokens[following].touches
        and tokens[following].lower in words.NAMING
    ):
        while (
            following + 1 < len(tokens)
            and tokens[following + 1].touches
            and tokens[following + 1].text[0].isupper()
        ):
            following += 1
        return following if following > last + 1 else last
    return last
