"""Texts without what is nobody else's business: folders of this machine, and the values of key variables."""

from __future__ import annotations

import html
import json
import os
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

SECRET = re.compile(r"KEY|TOKEN|SECRET|PASSWORD|CREDENTIAL", re.IGNORECASE)
SHORTEST = 8  # letters of a value that counts as secret; a shorter one would hit words
REMOVED = "[removed]"
BEFORE = r"(?<![\w.:/+=~%-])"  # not inside a link, a relative path, or the letters of a picture
NAME = r"[^\s/\"'<>&|,;:)\]}\\]+"


class Cleaner:
    """Takes paths of this machine and secrets out of a text.

    ``roots``, the home folder and the folder of Python are recognised with whatever characters they have; of any other absolute path
    its last part is left.

    >>> Cleaner([Path("/tmp/my data")])(
    ...     "no face in /tmp/my data/01_raw/ada.png; see /usr/share/ada.txt"
    ... )
    'no face in …/01_raw/ada.png; see …/ada.txt'
    """

    def __init__(self, roots: Iterable[Path]) -> None:
        folders = {text for root in roots for text in (str(root), str(root.resolve()))}
        folders |= {str(Path.home()), sys.prefix}
        known = sorted((f for f in folders if f.count("/") > 1), key=len, reverse=True)
        texts = "|".join(re.escape(form) for folder in known for form in _forms(folder))
        tops = "|".join(re.escape(e.name) for e in os.scandir("/") if e.is_dir())
        self._known = re.compile(f"{BEFORE}(?:{texts})(?=[/\\s\"'<>&|,;:)\\]}}\\\\]|$)")
        self._paths = re.compile(f"{BEFORE}/(?:{tops})(?:/{NAME})*/({NAME})/?")
        self._secrets = [form for value in _secrets() for form in _forms(value)]

    def __call__(self, text: str) -> str:
        """The text without them."""
        for secret in self._secrets:
            text = text.replace(secret, REMOVED)
        return self._paths.sub(r"…/\1", self._known.sub("…", text))


def _forms(text: str) -> Iterator[str]:
    """How a text stands in HTML and in JSON."""
    yield from dict.fromkeys(
        (
            text,
            html.escape(text),
            json.dumps(text)[1:-1],
            json.dumps(text, ensure_ascii=False)[1:-1],
        )
    )


def _secrets() -> list[str]:
    return [
        value
        for name, value in os.environ.items()
        if SECRET.search(name) and len(value) >= SHORTEST and not os.path.exists(value)
    ]
