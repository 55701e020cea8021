"""Keeps keys out of everything that is stored or shown, however a server encodes them.

What a server says is decoded first and scrubbed then, where it arrives: logs, records, tables, the report and MLflow get nothing else.
"""

from __future__ import annotations

import logging
import os
import re
from base64 import b64encode
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import lru_cache

from tpige_kedro.errors import ModelError
from tpige_kedro.services.escapes import readings, traced_readings

MASK = "***"
SHORT = 8  # characters: a shorter key may be a part of ordinary words
SHORTEST = 4  # one below this is no secret
PICTURE = re.compile(r"data:image/[\w.+-]{1,40};base64,[A-Za-z0-9+/=_\s-]*+", re.IGNORECASE)
LIBRARIES = (
    *("httpcore2.connection", "httpcore2.http11", "httpcore2.http2", "httpcore2.proxy"),
    *("httpcore2.socks", "httpx2", "openai", "openai._base_client", "openai._response"),
    "openai._legacy_response",
)
QUERY = re.compile(r"""(https?://[^\s"'?]+)\?[^\s"']+""")
SECRET_NAME = re.compile(r"KEY|TOKEN|SECRET|PASSWORD|CREDENTIAL", re.IGNORECASE)

_known: set[str] = set()


def read_key(variable: str) -> str:
    """The key in an environment variable, without spaces around it; empty if it is not set.

    Raises:
        ModelError: it cannot be sent in a header; libraries would repeat it in their error.
    """
    key = os.environ.get(variable, "").strip()
    if not all("!" <= character <= "~" for character in key):
        raise ModelError(
            f"the environment variable {variable} holds spaces, line breaks or characters outside of ASCII; "
            "set it to the key alone"
        )
    remember(key)
    return key


def remember(key: str) -> None:
    """Keep ``key`` out of the debug logs of the HTTP libraries from now on, and out of MLflow's traces."""
    if len(key) < SHORTEST:
        return
    _known.add(key)
    guard_logs()


def guard_logs() -> None:
    """Let the HTTP libraries log no remembered key and no query of an address: that of a download is a key of its own."""
    for name in LIBRARIES:
        logger = logging.getLogger(name)
        if not any(isinstance(each, Redaction) for each in logger.filters):
            logger.addFilter(Redaction())


def remember_needs(variables: Collection[str]) -> None:
    """:func:`remember` what the environment holds under those of ``variables`` that are called key, token or the like."""
    for variable in variables:
        if SECRET_NAME.search(variable):
            remember(os.environ.get(variable, "").strip())


def known_secrets() -> frozenset[str]:
    """All keys that were remembered."""
    return frozenset(_known)


def scrubbed(text: str, secrets: Collection[str]) -> str:
    r"""``text`` with ``***`` for every writing of a secret in it, and without pictures.

    Found are: any case; escapes of JSON, Python, URLs, HTML and mail, also several on top of each other and part by part; hex; base64
    (both alphabets, also of a longer text that holds it); line breaks and invisible characters in between. A key of fewer than 8
    characters is replaced as a word of its own only.

    >>> scrubbed(r"your key is sk-\u0061bc%2D1234", ["sk-abc-1234"])
    'your key is ***'
    >>> scrubbed("a test of the testing", ["test"])
    'a *** of the testing'
    """
    text = PICTURE.sub("(a picture, not kept)", text)
    for secret in sorted(set(secrets), key=len, reverse=True):
        if len(secret) >= SHORT:
            text = _without(text, secret)
        elif len(secret) >= SHORTEST:
            text = re.sub(rf"(?<![\w-]){re.escape(secret)}(?![\w-])", MASK, text)
    return text


def _without(text: str, secret: str) -> str:
    forms = forms_of(secret)
    if not any(form.is_in(reading) for reading in readings(text) for form in forms):
        return text
    places = []
    for reading in traced_readings(text):
        for form in forms:
            for begin, end in form.places(reading.text):
                places.append((reading.spans[begin][0], reading.spans[end - 1][1]))
    parts, last = [], 0
    for begin, end in sorted(places):
        if begin >= last:
            parts += [text[last:begin], MASK]
        last = max(last, end)
    return "".join([*parts, text[last:]])


@dataclass(frozen=True)
class Written:
    """One way to write a secret, as it stands in a text that was made comparable by ``is_base64`` or by lower case."""

    text: str
    is_base64: bool = False

    def comparable(self, text: str) -> str:
        """A text of the same length."""
        if self.is_base64:
            return text.replace("-", "+").replace("_", "/")
        lower = text.lower()
        return lower if len(lower) == len(text) else text

    def is_in(self, text: str) -> bool:
        """Whether ``text`` contains the secret."""
        return self.text in self.comparable(text)

    def places(self, text: str) -> Iterator[tuple[int, int]]:
        """Where it does."""
        text = self.comparable(text)
        begin = text.find(self.text)
        while begin >= 0:
            yield begin, begin + len(self.text)
            begin = text.find(self.text, begin + len(self.text))


@lru_cache(maxsize=64)
def forms_of(secret: str) -> tuple[Written, ...]:
    """Plain, hexadecimal, and base64 at each of the three places where it may begin in a longer text."""
    found = [Written(secret.lower()), Written(secret.encode().hex())]
    for before in range(3):
        encoded = b64encode(b"\0" * before + secret.encode()).decode()
        whole = slice(-(-before * 8 // 6), (before + len(secret.encode())) * 8 // 6)
        found.append(Written(encoded[whole], is_base64=True))
    return tuple(found)


class Redaction(logging.Filter):
    """Keeps the remembered keys out of a library's log: its debug lines show the headers of answers as they came."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Let every record pass, scrubbed."""
        said = record.getMessage()
        clean = QUERY.sub(r"\1?(not shown)", scrubbed(said, _known))
        if clean != said:
            record.msg, record.args = clean, None
        return True
