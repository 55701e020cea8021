"""Words made of known ones: "almond-shaped", "blue-eyed", "thirty-year-old", "reddish-brown", "softly", "fuller"."""

from __future__ import annotations

import re
from collections.abc import Callable

Classes = frozenset[str]
Lookup = Callable[[str], Classes]

FEATURED = frozenset(
    """
    haired eyed skinned faced nosed lipped cheeked cheekboned jawed chinned browed lidded lashed bearded moustached mustached
    mustachioed moustachioed eared toothed featured complexioned headed foreheaded templed jowled mouthed hued complected stubbled
    dimpled freckled lobed nostrilled pated whiskered locked braided
    """.split()
)
FORMED = frozenset(
    """
    set cropped trimmed shaven shaved defined kept groomed cut dyed bleached weathered kissed tanned burnt burned lined sculpted
    sculptured chiselled chiseled spaced parted swept slicked coiled textured toned tinted tipped rimmed fringed lashed arched shaped
    angled knit worn pitched marked scarred pored hung packed woven braided twisted combed brushed plucked placed proportioned boned
    up down back out off looking formed streaked flecked speckled spotted blotched veined wrinkled creased furrowed curled curling
    waved layered styled fitting proportioned edged lidded grown growing clipped modelled modeled carved drawn pointed curved curving
    bridged tied pulled gelled pinned length coloured colored faded tapered pigmented freckled lit_no touched bronzed reddened roughened chapped darkened hardened beaten battered blasted bitten bitted worn dusted covered stippled studded stained
    """.split()
) - {"lit_no"}
MODIFIERS = frozenset({"ADJ", "HAIR_ADJ", "COLOUR", "LIKE", "PERSON_ADJ", "AGE_ADJ", "ADVERB"})
FORMERS = frozenset("wind razor salon half close deep wide clean far fresh well ill un badly scissor hand self sea weather time sea-".split())
PREFIXES = frozenset("half semi ultra super extra slightly off near quasi very fine all well un pre un- multi mid".split())
STEMS_OF_PEOPLES = frozenset("afro anglo euro indo sino franco italo greco luso hispano russo serbo austro half part quarter".split())
TENS = "twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety"
AGE_OF = re.compile(r"(?:(?P<first>[\w-]+?)-(?:to-|or-|and-)?)?(?P<last>[a-z0-9]+)-years?-olds?")
DECADES = re.compile(r"(?:early|mid|late|early-to-mid|mid-to-late)-?(?P<decade>[a-z]+|[1-9]0s)")
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
    return _number(word, lookup) or (_joined(word, lookup) if "-" in word else _derived(word, lookup))


def _number(word: str, lookup: Lookup) -> Classes:
    if re.fullmatch(r"\d{1,3}(?:-\d{1,3})?", word):
        return frozenset({"NUMBER"}) if 0 < int(word.split("-")[0]) < 120 else NONE
    if re.fullmatch(r"[1-9]0s", word):
        return frozenset({"DECADE"})
    if re.fullmatch(rf"(?:{TENS})-(?:one|two|three|four|five|six|seven|eight|nine)", word):
        return frozenset({"NUMBER"})
    if ROUGHLY.fullmatch(word):
        return frozenset({"AGE_ADJ", "PERSON"})
    if (match := DECADES.fullmatch(word)) and "DECADE" in (lookup(match["decade"]) or _number(match["decade"], lookup)):
        return frozenset({"DECADE"})
    if (match := AGE_OF.fullmatch(word)) and all(
        "NUMBER" in (lookup(part) or _number(part, lookup)) for part in match.groups() if part
    ):
        return frozenset({"YEAR_OLD", "PERSON"})
    return NONE


def _joined(word: str, lookup: Lookup) -> Classes:
    head, _, last = word.rpartition("-")
    first = lookup(head) or _head_of_parts(head, lookup)
    whole = lookup(last) or (NONE if last in FEATURED | FORMED else _derived(last, lookup))
    if last in {"shaped"} and ("SHAPED" in first or first & MODIFIERS):
        return frozenset({"ADJ"})
    if last == "length" and "LENGTH" in first:
        return frozenset({"HAIR_ADJ"})
    if last in {"coloured", "colored", "toned", "hued", "tinted"} and first & {"COLOUR", "LIKE", "ADJ"}:
        return frozenset({"COLOUR"})
    if last in {"like"} and first & {"LIKE", "ADJ", "SHAPED"}:
        return frozenset({"ADJ"})
    if last in FEATURED and (first & (MODIFIERS | {"FEATURE", "NUMBER", "SHAPED", "DONE"}) or head in {"gap", "two", "even"}):
        return frozenset({"PERSON_ADJ"})
    if last in FORMED and (first & (MODIFIERS | {"FEATURE", "PLACE", "LENGTH", "DONE"}) or head in FORMERS):
        return frozenset({"ADJ", "HAIR_ADJ"} if not first & {"COLOUR"} else {"ADJ", "HAIR_ADJ", "COLOUR"})
    if whole & {"COLOUR"} and (first & MODIFIERS or "DONE" in first):
        return frozenset({"COLOUR"})
    if "PEOPLE" in whole and ("PEOPLE" in first or head in STEMS_OF_PEOPLES or "REGION" in first):
        return frozenset({"PEOPLE"})
    if last in {"looking", "presenting", "born"} and "PEOPLE" in first:
        return frozenset({"PEOPLE"})
    if head in PREFIXES and whole & MODIFIERS - {"ADVERB", "LIKE"}:
        return whole
    if whole & {"ADJ", "HAIR_ADJ"} and first & {"ADJ", "HAIR_ADJ", "ADVERB", "LIKE"}:
        return whole & {"ADJ", "HAIR_ADJ"}
    return NONE


def _head_of_parts(head: str, lookup: Lookup) -> Classes:
    """ "grey-blue-eyed", "salt-and-pepper-haired": a head that is itself a compound."""
    return _joined(head, lookup) if "-" in head else _derived(head, lookup)


def _derived(word: str, lookup: Lookup) -> Classes:
    if word.endswith("less") and lookup(word[:-4]) & {"FEATURE", "PART"}:
        return frozenset({"ADJ", "PERSON_ADJ"})
    if word.endswith("s") and lookup(word[:-1]) & {"LIKE", "SHAPED"}:
        return frozenset({"LIKES"})
    for ending in ("er", "est", "ly"):
        if word.endswith(ending) and len(word) > len(ending) + 2:
            stem = word.removesuffix(ending)
            for base in (stem, stem + "e", stem[:-1] + "y" if stem.endswith("i") else "", stem[:-1] if stem[-1:] == stem[-2:-1] else ""):
                found = lookup(base) if base else NONE
                if ending == "ly" and found & {"ADJ", "HAIR_ADJ", "DONE"}:
                    return frozenset({"ADVERB"})
                if ending != "ly" and (kept := found & {"ADJ", "HAIR_ADJ", "COLOUR", "PERSON_ADJ"}):
                    return kept
    return NONE
