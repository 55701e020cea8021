"""Words for ages in groups, youngest first, and the age that a prompt gives its subject."""

from __future__ import annotations

import re

from tpige_kedro.prompts.subject import find_subject

AGES = (
    frozenset(["child", "boy", "girl", "kid", "toddler", "baby"]),
    frozenset(["teen", "teenage", "teenager", "teenaged", "adolescent"]),
    frozenset(["young", "20s", "twenties", "twenty-something", "30s", "thirties"]),
    frozenset(["middle-aged", "40s", "forties", "50s", "fifties", "mature"]),
    frozenset(
        [
            "old",
            "elderly",
            "older",
            "aged",
            "senior",
            "60s",
            "sixties",
            "70s",
            "seventies",
            "80s",
            "eighties",
        ]
    ),
)
"""Neighbouring groups count as the same: "in his 30s" and "middle-aged" may be one man."""

MORE = (
    frozenset(["infant", "newborn", "preschooler", "schoolboy", "schoolgirl", "schoolchild", "little"]),
    frozenset(["teenagers", "adolescents"]),
    frozenset(["young-adult", "thirty-something"]),
    frozenset(["midlife", "forty-something", "fifty-something"]),
    frozenset(["ancient", "aging", "ageing", "geriatric", "octogenarian", "nonagenarian", "pensioner", "grandmother", "grandfather", "grandma", "grandpa", "granny", "90s", "nineties", "sixty-something", "seventy-something"]),
)  # fmt: skip
LIMITS = (13, 20, 40, 60)  # years at which the next group begins
TENS = ["ten", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
ONES = [
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
]
YEARS = re.compile(
    r"\b(\d{1,3}|[a-z]+(?:-[a-z]+)?)[ -]years?[ -]old\b|(?<![-\w])aged? (?:of )?(\d{1,3}|[a-z]+)\b"
)
BEHIND = re.compile(
    r"^,?\s+(?:(?:who (?:is|was)|somewhere|still)\s+)?(?:in (?:his|her|their) (?:early |mid |mid-|late )?([a-z]+|\d0s)"
    r"|(?:aged?|age of) (?:\d+|[a-z]+)|(?:\d+|[a-z]+) years old)\b",
    re.IGNORECASE,
)


def age_groups(text: str) -> set[int]:
    """The groups (0 to 4) of the ages that ``text`` names.

    >>> (
    ...     age_groups("an elderly man"),
    ...     age_groups("a 7-year-old girl"),
    ...     age_groups("in her mid-30s"),
    ...     age_groups("a chef"),
    ... )
    ({4}, {0}, {2}, set())
    """
    text = text.lower()
    found = {group for match in YEARS.finditer(text) if (group := _of_years(match[1] or match[2]))}
    groups = {int(group) for group in found}
    for word in re.findall(r"[a-z0-9]+(?:-[a-z0-9]+)*", YEARS.sub(" ", text)):
        forms = {word, word.removeprefix("mid-"), word.removesuffix("s")}
        groups |= {i for i, names in enumerate(AGES) if forms & (names | MORE[i])}
    if len(groups) > 1 and groups & {0, 1}:  # "a young boy", "a little old man" are of one age
        groups = {max(groups)} if "old" in text.split() else {min(groups)}
    return groups


def age_of_subject(prompt: str) -> set[int]:
    """The age that ``prompt`` gives its subject: in its noun phrase or right behind it. An old car or castle says nothing.

    >>> (
    ...     age_of_subject("An old fisherman repairs a net."),
    ...     age_of_subject("A fisherman in an old boat rows."),
    ... )
    ({4}, set())
    """
    subject = find_subject(prompt)
    if subject is None or subject.plural or subject.kind in {"pronoun", "object"}:
        return set()
    phrase = re.split(r"['’]s?\s", prompt[subject.start : subject.end])[-1]
    behind = BEHIND.match(prompt[subject.end :])
    return age_groups(f"{phrase} {behind.group() if behind else ''}")


def describe(groups: set[int]) -> str:
    """Groups in words."""
    names = ("child", "teenage", "young", "middle-aged", "old")
    return ", ".join(names[group] for group in sorted(groups))


def are_near(ours: set[int], theirs: set[int]) -> bool:
    """Whether two ages may be one person's."""
    return any(abs(a - b) <= 1 for a in ours for b in theirs)


def _of_years(said: str) -> str:
    """The group of "7", "seventy" or "twenty-one" as a digit; of no number the empty string."""
    years = int(said) if said.isdigit() else _number(said)
    return str(sum(years >= limit for limit in LIMITS)) if years else ""


def _number(said: str) -> int:
    tens, _, ones = said.partition("-")
    if said in ONES:
        return ONES.index(said) + 1
    if tens in TENS and (not ones or ones in ONES):
        return 10 * (TENS.index(tens) + 1) + (ONES.index(ones) + 1 if ones else 0)
    return 0
