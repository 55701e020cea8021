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
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Literal

from tpige_kedro.prompts import people_words as words
from tpige_kedro.prompts.evidence import (
    begins_clause,
    describes,
    evidence,
    is_inverted,
    is_plural,
    noun_evidence,
    owns,
    stands_out,
)
from tpige_kedro.prompts.noun_phrases import (
    WORD,
    Phrase,
    Sentence,
    Word,
    is_adjective,
    is_compound_of_thing,
    likeness,
    phrase_at,
)
from tpige_kedro.prompts.word_kinds import kinds, verb_of

QUOTED = re.compile(r"\"[^\"]*\"|“[^”]*”|«[^»]*»|「[^」]*」")
SENTENCE_END = re.compile(r"[.!?。！？\n]")
PERSON = 2.0  # evidence that is enough
BARE_PERSON = 3.0  # for a noun without a determiner
POSSIBLE = 1.0  # enough for an unknown noun if the prompt names nobody else

Kind = Literal["noun", "name", "pronoun", "object"]


@dataclass(frozen=True)
class Subject:
    """The noun phrase at ``prompt[start:end]``; ``plural`` when it names several people.

    ``kind`` is "pronoun" for *he* (a clause does not read well behind it), "object" for *him*.
    """

    start: int
    end: int
    plural: bool = False
    kind: Kind = "noun"


@dataclass(frozen=True)
class _Candidate:
    phrase: Phrase
    score: float
    plural: bool = False
    kind: Kind = "noun"


@lru_cache(maxsize=4096)
def find_subject(prompt: str) -> Subject | None:
    """The subject's noun phrase, or None where the prompt names nobody. The module's text has the rules.

    >>> prompt = "In a sunlit kitchen, a pastry chef dusts a cake."
    >>> subject = find_subject(prompt)
    >>> prompt[subject.start : subject.end]
    'a pastry chef'
    """
    s = Sentence.of(list(_tokens(prompt)))
    candidates = list(_candidates(s))
    for group in (
        [c for c in candidates if not c.plural and c.score >= PERSON],
        [c for c in candidates if not c.plural],
        [c for c in candidates if c.plural and c.score >= PERSON],
    ):
        if group:
            return _subject(s, _behind_introduction(s, prompt, group))
    bare = _bare_opening(s)
    if bare is not None:
        return _subject(s, _Candidate(bare, POSSIBLE))
    return _last_resort(s)


def _last_resort(s: Sentence) -> Subject | None:
    """ "her eyes", "I walk": where nobody else is named."""
    for index, word in enumerate(s.lower):
        speaks = word in {"i", "you", "i'm"} and s.follows(index + 1) not in words.PERCEPTION
        if word in {"his", "her"} or speaks:
            return Subject(s.words[index].start, s.words[index].end, kind="pronoun")
    return None


def _bare_opening(s: Sentence) -> Phrase | None:
    """ "Model on a runway": an opening noun that may be a person, where the prompt names nobody else."""
    phrase = phrase_at(s, 0) if s.lower and s.lower[0] not in words.SKIPPED else None
    if phrase is None or phrase.determiner or phrase.contracted or is_plural(s, phrase):
        return None
    head = s.lower[phrase.head]
    odd = bool(set(kinds(head)) & set("apd")) or head in words.ADVERBS or is_compound_of_thing(head)
    if odd or describes(head) or not s.words[phrase.start].text[0].isascii():
        return None
    following = s.follows(phrase.end)
    fits = following in words.PREPOSITIONS - {"of"} or verb_of(following) != ""
    return phrase if fits and noun_evidence(s, phrase) >= 0 else None


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
        if not any(start <= match.start() < stop for start, stop in quoted):
            yield Word(match.group(), match.start(), match.end(), prompt[end : match.start()])
            end = match.end()


def _subject(s: Sentence, found: _Candidate) -> Subject:
    phrase, head = found.phrase, s.words[found.phrase.head]
    end = head.end
    if found.kind == "pronoun":  # "he's"
        end = head.start + len(re.split(r"['’]", head.text)[0])
    return Subject(s.words[phrase.start].start, end, found.plural, found.kind)


def _candidates(s: Sentence) -> Iterator[_Candidate]:
    """Everything that may be a person, in the order of the prompt."""
    index, several = 0, False
    while index < len(s):
        kind = _pronoun(s, index)
        if kind:
            word = s.lower[index]
            if word != "they" or not several or _they_are_people(s, index):
                yield _Candidate(Phrase(index, index), 5.0, word == "them", kind)
            index += 1
            continue
        if s.lower[index] == "no":
            denied = phrase_at(s, index + 1) if index + 1 < len(s) else None
            index = denied.end if denied else index + 1
            continue
        if s.lower[index] in words.SKIPPED:
            index += 1
            continue
        one_of = s.lower[index] == "one" and s.follows(index + 1) == "of"
        phrase = phrase_at(s, index + 2) if one_of and index + 2 < len(s) else phrase_at(s, index)
        if phrase is None:
            index += 1
            continue
        phrase = _over_partitive(s, phrase)
        candidate = _weighed(s, phrase)
        phrase = _over_name(s, phrase)
        if candidate:
            plural = candidate.plural and not one_of
            candidate = replace(candidate, phrase=phrase, plural=plural)
        several = several or is_plural(s, phrase)
        if candidate:
            yield candidate
        index = phrase.end
        if _is_verb_behind(s, phrase):
            index += 1


def _pronoun(s: Sentence, index: int) -> Kind | None:
    word = s.lower[index]
    if word in words.SUBJECT_PRONOUNS or word in words.CONTRACTIONS:
        return "pronoun"
    if word in words.OBJECT_PRONOUNS - {"her"}:
        return "object"
    return "object" if word == "her" and not _is_possessive(s, index) else None


def _is_possessive(s: Sentence, index: int) -> bool:
    """Whether *her* at ``index`` stands before a noun of hers: not in "follows her as", "watches her dance", "her laughing"."""
    following = s.follows(index + 1)
    if not following or following in words.NO_NOUNS or kinds(following) == "d":
        return False
    if following.endswith("ly") and not kinds(following):
        return False
    behind = s.follows(index + 2)
    is_seen = any(word in words.PERCEPTION for word in s.lower[max(0, index - 2) : index])
    if is_seen and "v" in kinds(following) and (not behind or behind in words.NO_NOUNS):
        return False
    phrase = phrase_at(s, index)
    return phrase is not None and not is_adjective(s.lower[phrase.head])


def _they_are_people(s: Sentence, index: int) -> bool:
    """ "they kiss", "they are dancing": more than things do."""
    following = s.follows(index + 1)
    if following == "are":
        following = verb_of(s.follows(index + 2))
    return following in words.VERBS


def _weighed(s: Sentence, phrase: Phrase) -> _Candidate | None:
    plural = is_plural(s, phrase)
    if phrase.contracted:
        return (
            _Candidate(phrase, 4.0, plural, "pronoun") if likeness(_owner(s, phrase)) > 0 else None
        )
    score = evidence(s, phrase)
    kind: Kind = "name" if phrase.named else "noun"
    if s.lower[phrase.head] in words.COLLECTIVES and plural:
        return _Candidate(phrase, 4.0, True)
    if plural:
        is_verb = "v" in kinds(s.lower[phrase.head].removesuffix("s"))
        likely = noun_evidence(s, phrase) >= 3 or (noun_evidence(s, phrase) >= 1 and score >= 2)
        bare = not phrase.determiner and not phrase.modifiers
        if likely and not (bare and is_verb and not _opens(s, phrase)):
            return _Candidate(phrase, max(score, 2.0), True)
        return None
    if not phrase.determiner and describes(s.lower[phrase.head]):
        return None
    if phrase.determiner or phrase.named or _is_owned(s, phrase):
        by_noun = noun_evidence(s, phrase)
        possible = by_noun >= 1 and not phrase.named or stands_out(s, phrase, by_noun) > 0
        enough = score >= PERSON or (score >= POSSIBLE and by_noun >= 0 and possible)
    elif _opens(s, phrase):
        head = s.lower[phrase.head]
        unknown = phrase.start == phrase.head and _may_be_name(s, phrase)
        enough = score - owns(s, phrase) >= (PERSON if unknown else BARE_PERSON)
    else:
        enough = noun_evidence(s, phrase) >= 3
    return _Candidate(phrase, score, False, kind) if enough else None


def _may_be_name(s: Sentence, phrase: Phrase) -> bool:
    """Whether a single opening word that no table knows, or as a place, may be a name."""
    head, following = s.lower[phrase.head], s.follows(phrase.end)
    if not kinds(head) or head in words.PLAIN_NAMES:
        return following != "of"
    return kinds(head) == "p" and phrase.end < len(s) and describes(s.lower[phrase.end])


def _owner(s: Sentence, phrase: Phrase) -> str:
    return s.lower[phrase.head].removesuffix("'s")


def _is_owned(s: Sentence, phrase: Phrase) -> bool:
    return any(s.lower[i].endswith(("'s", "s'")) for i in range(phrase.start, phrase.head))


def _opens(s: Sentence, phrase: Phrase) -> bool:
    """Whether a noun without a determiner begins a sentence or fragment."""
    return begins_clause(s, phrase) and (
        s.words[phrase.start].gap.strip() != "," or phrase.start == 0
    )


def _over_partitive(s: Sentence, phrase: Phrase) -> Phrase:
    """ "one of the dancers", "a member of the crew": the person stands behind *of*."""
    if s.lower[phrase.head] in words.PARTITIVES and s.follows(phrase.end) == "of":
        inner = phrase_at(s, phrase.end + 1) if phrase.end + 1 < len(s) else None
        if inner is not None and s.touches[inner.start]:
            return inner
    return phrase


def _over_name(s: Sentence, phrase: Phrase) -> Phrase:
    """ "a woman named Anna Maria": the name belongs to the phrase."""
    last = phrase.end
    if s.follows(last) in words.NAMING:
        while s.follows(last + 1) and s.words[last + 1].text[0].isupper():
            last += 1
    if last > phrase.end:
        return Phrase(phrase.start, last, phrase.determiner, phrase.modifiers, phrase.named)
    return phrase


def _is_verb_behind(s: Sentence, phrase: Phrase) -> bool:
    following = s.follows(phrase.end)
    return bool(following) and following not in words.STARTS_NO_NOUN


def _behind_introduction(s: Sentence, prompt: str, candidates: Sequence[_Candidate]) -> _Candidate:
    first = candidates[0]
    opening = _introduction(s, first.phrase)
    if not opening:
        return first
    for other in candidates[1:]:
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
