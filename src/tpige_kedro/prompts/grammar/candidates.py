"""Everything in a prompt that may be the person, in the order of the prompt: noun phrases that weigh enough, and pronouns."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

from tpige_kedro.prompts.grammar import people_words as words
from tpige_kedro.prompts.grammar.evidence import (
    begins_clause,
    describes,
    evidence,
    is_plural,
    noun_evidence,
    owns,
    stands_out,
)
from tpige_kedro.prompts.grammar.likeness import is_adjective, is_compound_of_thing, likeness
from tpige_kedro.prompts.grammar.noun_phrases import Phrase, Sentence, phrase_at
from tpige_kedro.prompts.grammar.word_kinds import kinds, verb_of

PERSON = 2.0  # evidence that is enough
BARE_PERSON = 3.0  # for a noun without a determiner
NEVER = -4  # animals, and words that are no people whatever they do
POSSIBLE = 1.0  # enough for an unknown noun if the prompt names nobody else

Kind = Literal["noun", "name", "pronoun", "object", "contracted"]


@dataclass(frozen=True)
class Candidate:
    """A phrase that may be the person: its evidence, whether it names several, and of what kind it is."""

    phrase: Phrase
    score: float
    plural: bool = False
    kind: Kind = "noun"


def candidates(s: Sentence) -> Iterator[Candidate]:
    """Everything that may be a person, in the order of the prompt."""
    index, several = 0, False
    while index < len(s):
        kind = _pronoun(s, index)
        if kind:
            word = s.lower[index]
            if word != "they" or not several or _they_are_people(s, index):
                yield Candidate(Phrase(index, index), 5.0, word == "them", kind)
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


def _weighed(s: Sentence, phrase: Phrase) -> Candidate | None:  # noqa: PLR0911 one rule a return
    plural = is_plural(s, phrase)
    if phrase.contracted:
        return (
            Candidate(phrase, 4.0, plural, "contracted")
            if likeness(_owner(s, phrase)) > 0
            else None
        )
    by_noun = noun_evidence(s, phrase)
    if by_noun <= NEVER:
        return None
    stands_apart = phrase.determiner or phrase.named or _is_owned(s, phrase) or _opens(s, phrase)
    if not stands_apart and not plural and by_noun < 3:
        return None
    score = evidence(s, phrase)
    kind: Kind = "name" if phrase.named else "noun"
    if s.lower[phrase.head] in words.COLLECTIVES and plural:
        return Candidate(phrase, 4.0, True)
    if plural:
        is_verb = "v" in kinds(s.lower[phrase.head].removesuffix("s"))
        likely = by_noun >= 3 or (by_noun >= 1 and score >= 2)
        bare = not phrase.determiner and not phrase.modifiers
        if likely and not (bare and is_verb and not _opens(s, phrase)):
            return Candidate(phrase, max(score, 2.0), True)
        return None
    if not phrase.determiner and describes(s.lower[phrase.head]):
        return None
    if phrase.determiner or phrase.named or _is_owned(s, phrase):
        possible = (by_noun >= 1 and not phrase.named) or stands_out(s, phrase, by_noun) > 0
        enough = score >= PERSON or (score >= POSSIBLE and by_noun >= 0 and possible)
    elif _opens(s, phrase):
        unknown = phrase.start == phrase.head and _may_be_name(s, phrase)
        enough = score - owns(s, phrase) >= (PERSON if unknown else BARE_PERSON)
        if unknown and s.words[phrase.head].text.istitle() and _is_no_role(s.lower[phrase.head]):
            kind = "name"
    else:
        enough = True
    return Candidate(phrase, score, False, kind) if enough else None


def _may_be_name(s: Sentence, phrase: Phrase) -> bool:
    """Whether a single opening word that no table knows, or as a place, may be a name."""
    head, following = s.lower[phrase.head], s.follows(phrase.end)
    if not kinds(head) or head in words.PLAIN_NAMES:
        return following != "of"
    return kinds(head) == "p" and phrase.end < len(s) and describes(s.lower[phrase.end])


def _is_no_role(word: str) -> bool:
    """ "Priya", "Sam": nothing about the word says what the person does."""
    return likeness(word) in {1, -2, -6} or (likeness(word) == 0 and "p" in kinds(word))


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


def bare_opening(s: Sentence) -> Phrase | None:
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
