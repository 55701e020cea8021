"""What a tracking URI may show: never the passwords and tokens in it, nor those in the environment."""

from __future__ import annotations

import base64
import json
import os
import re
from collections.abc import Iterable, Iterator
from urllib.parse import quote, unquote_plus

HIDDEN = "***"
SHORTEST = (
    3  # characters; a shorter secret is hidden within URLs only, it is part of too many words
)
LONG = 8  # characters of a variable that is taken for a secret by its name alone
SECRET_NAMES = re.compile(r"pass|pwd|token|secret|key|sig|auth|cred", re.IGNORECASE)
OF_STORES = ("MLFLOW_", "AWS_", "AZURE_", "GOOGLE_", "DATABRICKS_")  # variables that MLflow reads
LOGIN_IN_URL = re.compile(r"(?<=://)(?!/)[^\s'\"<>]*@")
QUERY_IN_URL = re.compile(r"(://[^\s'\"<>?]*\?)[^\s'\"<>]+")


def shown(uri: str) -> str:
    """A tracking URI as it may be printed: no user, no password, no query.

    >>> shown("http://user:p%40ss@host:5000/x"), shown("postgresql://u:a@b@h/db?sslpassword=c")
    ('http://***@host:5000/x', 'postgresql://***@h/db?***')
    >>> shown("sqlite:////data/me@work/mlflow.db")
    'sqlite:////data/me@work/mlflow.db'
    """
    scheme, login, place = _split(uri)
    place, asked, _ = place.partition("?")
    return f"{scheme}{HIDDEN + '@' if login else ''}{place}{asked + HIDDEN if asked else ''}"


def malformed(uri: str) -> bool:
    """Whether the login in a URI has a character that ends it too early: libraries would then print parts of the password.

    >>> malformed("http://user:a/b@host"), malformed("http://user:a%2Fb@host")
    (True, False)
    """
    _, login, _ = _split(uri)
    return any(character in login for character in "@/?#")


def scrubbed(text: str, uri: str) -> str:
    """``text`` without the secrets of a tracking URI and of the environment, however they are encoded in it.

    >>> scrubbed("no answer from http://u:p%21q7@h/api: p!q7 was refused", "http://u:p%21q7@h")
    'no answer from http://***@h/api: *** was refused'
    """
    text = text.replace(uri, shown(uri))
    secrets = {form for secret in secrets_of(uri) for form in _forms(secret)}
    for secret in sorted(secrets, key=len, reverse=True):
        text = re.sub(re.escape(secret), HIDDEN, text, flags=re.IGNORECASE)
    return QUERY_IN_URL.sub(rf"\1{HIDDEN}", LOGIN_IN_URL.sub(f"{HIDDEN}@", text))


def secrets_of(uri: str) -> Iterator[str]:
    """The secrets of a URI, with what a parser may have cut out of them, and those of the environment."""
    _, login, place = _split(uri)
    user, colon, password = login.partition(":")
    yield from _with_login(user, password if colon else user)
    yield from re.split(r"[@/?#:]", password)
    yield from _of_query(place.partition("?")[2])
    found = {n: v for n, v in os.environ.items() if n.startswith(OF_STORES)}
    yield from (v for n, v in found.items() if SECRET_NAMES.search(n) and len(v) >= LONG)
    yield found.get("MLFLOW_TRACKING_TOKEN", "")
    user = found.get("MLFLOW_TRACKING_USERNAME", "")
    yield from _with_login(user, found.get("MLFLOW_TRACKING_PASSWORD", ""))


def _of_query(query: str) -> Iterable[str]:
    pairs = (part.partition("=") for part in re.split("[&;#]", query))
    return [value for name, _, value in pairs if SECRET_NAMES.search(name)]


def _with_login(user: str, password: str) -> Iterator[str]:
    """A password, and the headers of HTTP's basic authentication that hold it."""
    if password:
        yield password
        for pair in (f"{user}:{password}", unquote_plus(f"{user}:{password}")):
            yield base64.b64encode(pair.encode()).decode()


def _forms(secret: str) -> set[str]:
    """A secret as it is, decoded, percent-encoded, and escaped as in JSON or in Python."""
    plain = unquote_plus(secret)
    forms = {secret, plain, quote(plain), quote(plain, safe=""), quote(secret, safe="")}
    forms |= {f.encode("unicode_escape").decode() for f in forms} | {repr(f)[1:-1] for f in forms}
    forms |= {json.dumps(f, ensure_ascii=a)[1:-1] for f in forms for a in (True, False)}
    return {form for form in forms if len(form) >= SHORTEST}


def _split(uri: str) -> tuple[str, str, str]:
    """The scheme with its slashes, the login before the last ``@``, and the rest."""
    match = re.match(r"[A-Za-z][\w+.-]*:/+", uri)
    begin = match.end() if match else 0
    scheme, rest = uri[:begin], uri[begin:]
    login, _, place = rest.rpartition("@")
    if scheme.startswith(("sqlite", "file:")) or (not scheme and ":" not in login):
        return scheme, "", rest  # the path of a file
    return scheme, login, place


def with_home(uri: str) -> str:
    """The URI of an MLflow store with the home folder for ``~``, also in that of a SQLite file."""
    scheme = "sqlite:///" if uri.startswith("sqlite:///") else ""
    return scheme + os.path.expanduser(uri.removeprefix(scheme))
