"""Invisible characters, control characters, and characters that look like others: finds, shows and compares them. Pure Python."""

from __future__ import annotations

import re
import unicodedata

NAMES = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}

# nothing is drawn for these although they are letters, marks or symbols (Unicode: Default_Ignorable_Code_Point, and blanks)
BLANKS = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0\U0001d159")

BIDI_OVERRIDES = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
DEPRECATED = frozenset(map(chr, (*range(0x206A, 0x2070), *range(0xFFF9, 0xFFFC))))
TAGS = re.compile("[\U000e0000-\U000e007f]")
FLAGS = re.compile("\U0001f3f4[\U000e0020-\U000e007e]{2,6}\U000e007f")  # of Scotland, for one
SELECTORS = re.compile("[\ufe00-\ufe0f\U000e0100-\U000e01ef]{2}")

# letters of other scripts that look like Latin ones; what NFKC and casefold leave of them
LOOK_ALIKES = str.maketrans(
    "авеѕіјкмнопрсԁтухһԛԝαβεηικνορτυχϲɑɡıøđłħ",
    "abesijkmhonpcdtyxhqwabenikvoptuxcagiodlh",
)


def is_control(mark: str) -> bool:
    """Whether a character steers a terminal or a layout, or is no character at all.

    C0 but tab and line ends, DEL, C1 (with NEL), bidirectional overrides, deprecated format characters, surrogates and
    noncharacters. Joiners and marks that scripts and emoji need are none.

    >>> [is_control(mark) for mark in "a\\n\\x1b\\x85\\u202e\\u200d"]
    [False, False, True, True, True, False]
    """
    if mark in "\t\n\r":
        return False
    if mark in BIDI_OVERRIDES or mark in DEPRECATED:
        return True
    code = ord(mark)
    return (
        unicodedata.category(mark) in {"Cc", "Cs"}
        or 0xFDD0 <= code <= 0xFDEF
        or code & 0xFFFE == 0xFFFE
    )


def control_in(text: str) -> str:
    """The first thing in a text that no prompt should hold, as U+…; the empty text if there is none.

    Beside control characters: text written in invisible tags (but for flags) or in rows of variation selectors, which a model
    reads and nobody sees, and the replacement character, which stands where a character was lost.

    >>> control_in("A chef\\x85cooks."), control_in("A chef cooks.")
    ('U+0085', '')
    """
    found = next((mark for mark in text if is_control(mark) or mark == "\ufffd"), "")
    hidden = TAGS.search(FLAGS.sub("", text)) or SELECTORS.search(text)
    if not found and hidden:
        found = hidden.group()[0]
    return f"U+{ord(found):04X}" if found else ""


def is_visible(text: str) -> bool:
    """Whether something of a text can be seen: no spaces, format characters or marks without a letter alone.

    >>> is_visible("\\u200b\\u00a0\\u0301"), is_visible("\\u00e9")
    (False, True)
    """
    return any(unicodedata.category(mark)[0] not in "ZCM" and mark not in BLANKS for mark in text)


def shown(text: str, keep: str = "") -> str:
    """A text for a terminal: invisible characters are escaped, except the characters ``keep``.

    Args:
        text: anything, such as an id, a file name or the answer of a server.
        keep: for texts of several lines, the line end.

    >>> shown("\\x1b[2J"), shown("two\\nlines"), shown("two\\nlines", keep="\\n")
    ('\\\\x1b[2J', 'two\\\\nlines', 'two\\nlines')
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(mark if mark in keep else _shown(mark) for mark in text)


def _shown(mark: str) -> str:
    if mark in NAMES:
        return NAMES[mark]
    if not is_control(mark) and unicodedata.category(mark) not in {"Zl", "Zp"}:
        return mark
    code = ord(mark)
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def folded(text: str) -> str:
    """What a text looks like at a glance: Latin look-alikes, no case, accents, separators or invisible characters.

    >>> folded("\\ufeff Sample-ID "), folded("\\u0441onsent")
    ('sampleid', 'consent')
    """
    plain = unicodedata.normalize("NFKC", text).casefold().translate(LOOK_ALIKES)
    letters = unicodedata.normalize("NFKD", plain).translate(LOOK_ALIKES)
    return "".join(mark for mark in letters if mark.isalnum())


def distance(one: str, other: str) -> int:
    """How many letters are wrong, missing, too many or exchanged with a neighbour (optimal string alignment).

    >>> distance("consent", "consents"), distance("consent", "cosnent"), distance("prompt", "mood")
    (1, 1, 5)
    """
    rows = [list(range(len(other) + 1))]
    for i, a in enumerate(one, 1):
        row = [i]
        for j, b in enumerate(other, 1):
            cost = min(rows[-1][j] + 1, row[-1] + 1, rows[-1][j - 1] + (a != b))
            if i > 1 and j > 1 and a == other[j - 2] and b == one[i - 2]:
                cost = min(cost, rows[-2][j - 2] + 1)
            row.append(cost)
        rows.append(row)
    return rows[-1][-1]
