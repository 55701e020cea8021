"""Words made of known ones: "almond-shaped", "blue-eyed", "thirty-year-old", "reddish-brown", "softly", "fuller"."""

from __future__ import annotations

import re
from collections.abc import Callable

Classes = frozenset[str]
Lookup = Callable[[str], Classes]


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


FEATURED = _words(
    """
    haired eyed skinned faced nosed lipped cheeked cheekboned jawed chinned browed lidded lashed bearded moustached
    mustached mustachioed moustachioed eared toothed featured complexioned headed foreheaded templed jowled mouthed hued
    complected stubbled dimpled freckled lobed nostrilled pated whiskered locked braided
    """
)
FORMED = _words(
    """
    set cropped trimmed shaven shaved defined kept groomed cut dyed bleached weathered kissed tanned burnt burned lined
    sculpted sculptured chiselled chiseled spaced parted swept slicked coiled textured toned tinted tipped rimmed fringed
    lashed arched shaped angled knit worn pitched marked scarred pored hung packed woven braided twisted combed brushed
    plucked placed proportioned boned up down back out off looking formed streaked flecked speckled spotted blotched
    veined wrinkled creased furrowed curled curling waved layered styled fitting proportioned edged lidded grown growing
    clipped modelled modeled carved drawn pointed curved curving bridged tied pulled gelled pinned length coloured colored
    faded tapered pigmented freckled touched bronzed reddened roughened chapped darkened hardened beaten battered blasted
    bitten bitted worn dusted covered stippled studded stained turning slanting sloping facing pointing falling hanging tapering swept-looking
    """
)
MODIFIERS = frozenset({"ADJ", "HAIR_ADJ", "COLOUR", "LIKE", "PERSON_ADJ", "AGE_ADJ", "ADVERB"})
FORMERS = _words(
    """
    wind razor salon half close deep wide clean far fresh well ill un badly scissor hand self sea weather time up down inward outward upward downward forward backward
    """
)
PREFIXES = _words(
    """
    half semi ultra super extra slightly off near quasi very fine all well un pre un- multi mid
    """
)
STEMS_OF_PEOPLES = _words(
    """
    afro anglo euro indo sino franco italo greco luso hispano russo serbo austro half part quarter
    """
)
TONED = frozenset({"coloured", "colored", "toned", "hued", "tinted"})
UNITS = "one|two|three|four|five|six|seven|eight|nine"
TENS = "twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety"
AGE_OF = re.compile(r"(?:([\w-]+?)-(?:to-|or-|and-)?)?([a-z0-9]+)-years?-olds?")
DECADES = re.compile(r"(?:early|mid|late|early-to-mid|mid-to-late)-?([a-z]+|[1-9]0s)")
ROUGHLY = re.compile(rf"(?:(?:{TENS})(?:-?ish|-?something)|[1-9][05]-?(?:ish|something))")
NONE: Classes = frozenset()


def classes_of_compound(word: str, lookup: Lookup) -> Classes:
    """The classes of a word that the lexicon has not, by the known words that it is made of; empty if it is not.

    >>> known = {"blue": frozenset({"COLOUR"}), "full": frozenset({"ADJ"})}
    >>> sorted(classes_of_compound("blue-eyed", lambda word: known.get(word, frozenset())))
    ['PERSON_ADJ']
    >>> sorted(classes_of_compound("fuller", lambda word: known.get(word, frozenset())))
    ['ADJ']
    """
    return _number(word, lookup) or (
        _joined(word, lookup) if "-" in word else _derived(word, lookup)
    )


def _number(word: str, lookup: Lookup) -> Classes:
    def counts(part: str) -> bool:
        return "NUMBER" in (lookup(part) or _number(part, lookup))

    decades, age = DECADES.fullmatch(word), AGE_OF.fullmatch(word)
    return _first_of(
        (bool(re.fullmatch(r"(?:[1-9]\d?|1[01]\d)(?:-\d{1,3})?", word)), {"NUMBER"}),
        (bool(re.fullmatch(r"[1-9]0s", word)), {"DECADE"}),
        (bool(re.fullmatch(rf"(?:{TENS})-(?:{UNITS})", word)), {"NUMBER"}),
        (bool(ROUGHLY.fullmatch(word)), {"AGE_ADJ", "PERSON"}),
        (decades and "DECADE" in (lookup(decades[1]) or _number(decades[1], lookup)), {"DECADE"}),
        (age and all(counts(part) for part in age.groups() if part), {"YEAR_OLD", "PERSON"}),
    )


def _first_of(*rules: tuple[object, set[str]]) -> Classes:
    """The classes of the first rule that applies."""
    return next((frozenset(classes) for applies, classes in rules if applies), NONE)


def _joined(word: str, lookup: Lookup) -> Classes:
    head, _, last = word.rpartition("-")
    first = lookup(head) or _head_of_parts(head, lookup)
    return _by_ending(head, first, last) or _by_last_word(
        head, first, lookup(last) or (NONE if last in FEATURED | FORMED else _derived(last, lookup))
    )


def _by_ending(head: str, first: Classes, last: str) -> Classes:
    """Compounds whose last part is no word of its own here: "-shaped", "-eyed", "-set"."""
    describes = first & MODIFIERS
    has_feature = describes or first & {"FEATURE", "NUMBER", "SHAPED", "DONE"}
    is_formed = describes or first & {"FEATURE", "PLACE", "LENGTH", "DONE"}
    form = {"ADJ", "HAIR_ADJ", *({"COLOUR"} & first)}
    return _first_of(
        (last == "shaped" and ("SHAPED" in first or describes), {"ADJ"}),
        (last == "length" and "LENGTH" in first, {"HAIR_ADJ"}),
        (last in TONED and first & {"COLOUR", "LIKE", "ADJ"}, {"COLOUR"}),
        (last == "like" and first & {"LIKE", "ADJ", "SHAPED"}, {"ADJ"}),
        (last in FEATURED and (has_feature or head in {"gap", "two", "even"}), {"PERSON_ADJ"}),
        (last in FORMED and (is_formed or head in FORMERS), form),
        (last in {"looking", "presenting", "born"} and "PEOPLE" in first, {"PEOPLE"}),
    )


def _by_last_word(head: str, first: Classes, last: Classes) -> Classes:
    """Compounds of two words of faces: "golden-brown", "Afro-Caribbean", "semi-bald"."""
    is_people = "PEOPLE" in last and (first & {"PEOPLE", "REGION"} or head in STEMS_OF_PEOPLES)
    form = last & {"ADJ", "HAIR_ADJ"}
    return _first_of(
        ("COLOUR" in last and first & (MODIFIERS | {"DONE"}), {"COLOUR"}),
        (is_people, {"PEOPLE"}),
        (head in PREFIXES and last & MODIFIERS - {"ADVERB", "LIKE"}, set(last)),
        (form and first & {"ADJ", "HAIR_ADJ", "ADVERB", "LIKE"}, set(form)),
    )


def _head_of_parts(head: str, lookup: Lookup) -> Classes:
    """ "grey-blue-eyed", "salt-and-pepper-haired": a head that is itself a compound."""
    return _joined(head, lookup) if "-" in head else _derived(head, lookup)


def _derived(word: str, lookup: Lookup) -> Classes:
    """ "fuller", "fullest", "fully" from "full"; "lobeless" from "lobe"; "cornflowers" from "cornflower"."""
    if word.endswith("less") and lookup(word[:-4]) & {"FEATURE", "PART"}:
        return frozenset({"ADJ", "PERSON_ADJ"})
    if word.endswith("s") and lookup(word[:-1]) & {"LIKE", "SHAPED"}:
        return frozenset({"LIKES"})
    for ending in ("er", "est", "ly"):
        stem = word.removesuffix(ending)
        for base in _bases(stem) if len(stem) > 2 and stem != word else ():
            found = lookup(base)
            if ending == "ly" and found & {"ADJ", "HAIR_ADJ", "DONE"}:
                return frozenset({"ADVERB"})
            if ending != "ly" and (kept := found & {"ADJ", "HAIR_ADJ", "COLOUR", "PERSON_ADJ"}):
                return kept
    return NONE


def _bases(stem: str) -> tuple[str, ...]:
    """ "full"(er), "pale" from pal(er), "curly" from curli(er), "thin" from thinn(er)."""
    return (stem, f"{stem}e", f"{stem[:-1]}y", *([stem[:-1]] if stem[-1] == stem[-2] else []))
