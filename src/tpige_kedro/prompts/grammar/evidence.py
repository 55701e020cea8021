"""How strongly a noun phrase looks like a person where it stands: the evidence of :mod:`.subject`, one function for each kind.

Each kind adds to what the noun says by itself (:func:`.likeness.likeness`).
"""

from __future__ import annotations

from tpige_kedro.prompts import vocabulary
from tpige_kedro.prompts.grammar import people_words as words
from tpige_kedro.prompts.grammar.likeness import is_adjective, is_compound_of_thing, likeness
from tpige_kedro.prompts.grammar.noun_phrases import Phrase, Sentence, phrase_at
from tpige_kedro.prompts.grammar.word_kinds import is_noun, kinds, singular, verb_of

WORN = vocabulary.CLOTHING | vocabulary.ACCESSORIES | vocabulary.HAIR_SHAPES
WORN = WORN | {
    "hair",
    "beard",
    "mustache",
    "moustache",
    "glasses",
    "eyes",
    "freckles",
    "hands",
    "sleeves",
}
BODY = frozenset(
    [
        "face",
        "head",
        "hair",
        "eyes",
        "mouth",
        "lips",
        "nose",
        "ears",
        "cheek",
        "cheeks",
        "chin",
        "neck",
        "shoulder",
        "shoulders",
        "arm",
        "arms",
        "hand",
        "hands",
        "finger",
        "fingers",
        "thumb",
        "wrist",
        "back",
        "chest",
        "waist",
        "hips",
        "knee",
        "knees",
        "leg",
        "legs",
        "foot",
        "feet",
        "forehead",
        "brow",
        "breath",
        "fist",
        "fists",
        "fingertips",
    ]
)
WORN_OR_BODY = WORN | BODY
LINKS = words.PREPOSITIONS - {"of"}
REACH = 8  # words behind a phrase among which "her hands" speaks of it
LIST_REACH = 7


def noun_evidence(s: Sentence, phrase: Phrase) -> int:
    """What the head says by itself; a name counts by its title or as an unknown word."""
    head = s.lower[phrase.head]
    if not phrase.named:
        return _common_noun(s, phrase)
    before = [s.lower[i] for i in range(phrase.start, phrase.head)]
    if any(word in words.TITLES or likeness(word) >= 3 for word in before):
        return 4
    if head in words.GIVEN_NAMES | words.PLAIN_NAMES:
        return 1
    found = kinds(head)
    if "p" in found or is_noun(head) or verb_of(head):
        return max(-1, likeness(noun_of(s, phrase)))
    return -1 if phrase.determiner and likeness(head) < 2 else max(1, likeness(head))


def _common_noun(s: Sentence, phrase: Phrase) -> int:
    """Of a head that no capital within a sentence marks as a name."""
    head = s.lower[phrase.head]
    if head == "hand" and s.lower[phrase.head - 1] in words.HANDS:
        return 3
    if head == "being":
        return 4
    if phrase.head and "t" in kinds(f"{s.lower[phrase.head - 1]} {head}"):
        return -2
    by_itself = likeness(noun_of(s, phrase))
    if by_itself in {-1, -2} and head.endswith(("er", "or")) and _is_compound(s, phrase):
        by_itself += 1  # a tool has such a name in the table: "vacuum cleaner", not "piano tuner"
    if phrase.determiner or s.words[phrase.head].text[0].islower():
        return by_itself
    if head in words.PLAIN_NAMES or kinds(head) == "p":
        return max(by_itself, 1)
    return max(by_itself, 0) if head in words.GIVEN_NAMES else by_itself


def _is_compound(s: Sentence, phrase: Phrase) -> bool:
    before = phrase.head - 1
    return before > phrase.start and is_noun(s.lower[before]) and not is_adjective(s.lower[before])


def evidence(s: Sentence, phrase: Phrase) -> float:
    """All evidence that the phrase is a person; 2 and more is a person, below 1 is none."""
    by_noun = noun_evidence(s, phrase)
    return (
        by_noun
        + doing(s, phrase)
        + 4 * (by_noun == -2 and does_its_name(s, phrase))
        + 3 * is_spoken_of(s, phrase.end)
        + 2 * is_dressed(s, phrase)
        + apposition(s, phrase)
        + owns(s, phrase)
        + looks(phrase)
        + (s.follows(phrase.end).startswith("mid-"))
        + stands_out(s, phrase, by_noun)
    )


def is_spoken_of(s: Sentence, index: int) -> bool:
    """ "who" or ", whose" comes next."""
    return (
        index < len(s)
        and s.lower[index] in {"who", "whose", "whom"}
        and s.words[index].gap.strip() in {"", ","}
    )


def stands_out(s: Sentence, phrase: Phrase, by_noun: int) -> int:
    """The phrase stands where the subject does, or is what the picture shows."""
    if by_noun >= -1 and begins_clause(s, phrase):
        return 1
    shown = by_noun >= 0 and not is_compound_of_thing(s.lower[phrase.head])
    return int(shown and is_shown(s, phrase))


def noun_of(s: Sentence, phrase: Phrase) -> str:
    """The head in the singular."""
    head = s.lower[phrase.head]
    is_singular = phrase.determiner in words.SINGULAR_DETERMINERS or is_noun(head)
    return head if is_singular else singular(head)


def is_plural(s: Sentence, phrase: Phrase) -> bool:
    """Whether the phrase names several people."""
    head = s.lower[phrase.head]
    if head in words.PLURALS or head in words.COLLECTIVES:
        return head != "friend"
    if _agrees_in_singular(s, phrase):
        return False
    return (
        not phrase.named
        and phrase.determiner not in words.SINGULAR_DETERMINERS
        and singular(head) != head
        and likeness(head) < 4
    )


def _agrees_in_singular(s: Sentence, phrase: Phrase) -> bool:
    """ "Agnes opens", "Thomas is": the verb says that it is one."""
    following = s.follows(phrase.end)
    is_one = following in {"is", "was", "has", "does"} or (
        verb_of(following) != "" and following.endswith("s") and not following.endswith("ss")
    )
    return is_one or apposition(s, phrase) > 0


def doing(s: Sentence, phrase: Phrase) -> float:
    """A verb follows: 2 for what people do, 1 for another, less than 0 for what machines do."""
    index = phrase.end
    while s.follows(index) in words.ADVERBS or s.follows(index).endswith("ly"):
        index += 1
    word = s.follows(index)
    if word in words.VERB_FORMS:
        following = s.follows(index + 1)
        verb = verb_of(following) or verb_of(word)
        return 2 if verb in words.VERBS and following.endswith("ing") else 1
    verb = verb_of(word) or (word[:-1] if word[:-1] in words.MACHINE_VERBS else "")
    verb = verb or (word if "v" in kinds(word) and is_plural(s, phrase) else "")
    if not verb:
        return 1 if word.endswith("s") and not is_noun(singular(word)) and len(word) > 3 else 0
    if verb in words.MACHINE_VERBS and s.follows(index + 1) not in words.DETERMINERS:
        by_ending = noun_evidence(s, phrase) == 3 and verb not in words.VERBS
        certain = s.lower[phrase.head] in words.EITHER or noun_evidence(s, phrase) > 0
        return -3 if by_ending else 0 if certain else -1
    if word.endswith("ed"):
        return 0.5
    return 2 if verb in words.VERBS else 1


def does_its_name(s: Sentence, phrase: Phrase) -> bool:
    """ "The chair chairs a meeting"."""
    return phrase.determiner != "" and verb_of(s.follows(phrase.end)) == s.lower[phrase.head]


def is_dressed(s: Sentence, phrase: Phrase) -> bool:
    """ "in a red coat", "with a grey beard", "wearing gloves"."""
    index = phrase.end
    if s.follows(index) in {"dressed", "clad"}:
        return True
    if s.follows(index) not in {"in", "with", "wearing"}:
        return False
    for word in (s.follows(i) for i in range(index + 1, index + LIST_REACH)):
        if not word or word in LINKS:
            return False
        if word in WORN:
            return True
    return False


def apposition(s: Sentence, phrase: Phrase) -> int:
    """ "Maria, a potter, …": behind a comma a noun phrase says who it is."""
    index = phrase.end
    if index >= len(s) or s.words[index].gap.strip() != ",":
        return 0
    if s.lower[index] not in words.DETERMINERS:
        return 0
    said = phrase_at(s, index)
    known = said is not None and likeness(s.lower[said.head]) >= 0
    return (3 if not phrase.determiner else 1) if known else 0


def owns(s: Sentence, phrase: Phrase) -> int:
    """ "his sleeves", "herself": a person is spoken of again before another is named."""
    for index in range(phrase.end, min(phrase.end + REACH, len(s))):
        word = s.lower[index]
        if word in {"his", "her"}:
            return 2 if s.follows(index + 1) in WORN_OR_BODY else 1
        if word in {"himself", "herself", "he", "she"}:
            return 1
        if likeness(word) >= 3 or any(c in s.words[index].gap for c in ".!?\n"):
            return 0
    return 0


def looks(phrase: Phrase) -> int:
    """An adjective that is said of people."""
    return int(
        any(m in words.ADJECTIVES or m.endswith(words.ADJECTIVE_ENDINGS) for m in phrase.modifiers)
    )


def begins_clause(s: Sentence, phrase: Phrase) -> bool:
    """Whether the phrase begins a sentence or clause, so that it may be the subject of a verb."""
    if phrase.start == 0 or not s.touches[phrase.start]:
        return True
    return s.lower[phrase.start - 1] in {
        "and",
        "but",
        "while",
        "as",
        "when",
        "where",
        "then",
        "because",
        "until",
        "before",
        "after",
    }


def is_shown(s: Sentence, phrase: Phrase) -> bool:
    """ "a shot of …", "the camera follows …", "we see …": the picture is about the phrase."""
    before = s.lower[max(0, phrase.start - 4) : phrase.start]
    if not before:
        return False
    if before[-1] in {"of", "on"}:
        return any(word in words.PICTURES for word in before)
    if before[-1] in {"is", "comes", "are"}:
        return any(word in {"this", "there", "here", "it"} for word in before)
    verb = verb_of(before[-1]) or before[-1]
    return before[-1] in words.PERCEPTION or verb in words.SHOWING or is_inverted(s, phrase)


def is_inverted(s: Sentence, phrase: Phrase) -> bool:
    """ "In the doorway stands a figure": the verb comes first."""
    before = s.lower[phrase.start - 1] if phrase.start and s.touches[phrase.start] else ""
    return before.endswith("s") and verb_of(before) in words.POSTURES


def describes(word: str) -> bool:
    """Whether a sentence that begins with ``word`` begins with a participle."""
    return word.endswith(("ing", "ed")) and is_adjective(word) and verb_of(word) != ""
