"""Why MLflow cannot be used: translates its many errors into what is wrong and what to do."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

from tpige_kedro.errors import TpigeError, first_line
from tpige_kedro.hooks.mlflow.uri import malformed, scrubbed, shown

PATIENCE = 5.0  # seconds to wait for another process that writes to a SQLite file
LONGEST = 160  # characters of somebody else's words
ANOTHER = "set MLFLOW_TRACKING_URI"
WRONG_ADDRESS = f"is there another program at this address? {ANOTHER} to an MLflow server"
RESTART = f"start the server, or {ANOTHER}"
FORMS = "sqlite:////path/mlflow.db, http://host:port, postgresql://…"

# what an error says somewhere in its chain | what is wrong ({0}: the match) | what to do; the first that fits
CAUSES = (
    (
        r"NameResolutionError|could not translate host|Name or service not known",
        "its host is unknown",
        f"correct the name, or {ANOTHER}",
    ),
    (
        r"certificate verify failed|CERTIFICATE_VERIFY_FAILED",
        "its certificate is not trusted",
        "set MLFLOW_TRACKING_SERVER_CERT_PATH to the certificate of its authority",
    ),
    (r"SSLError|\[SSL", "there is no TLS at this port", "write http:// if the server has none"),
    (r"connection refused|Errno 111", "nothing answers (connection refused)", RESTART),
    (
        r"ReadTimeout|ConnectTimeout|timed out|timeout exception|no answer in",
        "it does not answer in time",
        f"check the server, or {ANOTHER}",
    ),
    (
        r"error code 40[137]|40[137] Client Error|UNAUTHENTICATED|PERMISSION_DENIED|password authentication|access denied",
        "it refuses the login",
        "set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN",
    ),
    (
        r"error code 3\d\d",
        "it redirects to another address ({0})",
        f"{ANOTHER} to the address where it is",
    ),
    (r"error code 404|ENDPOINT_NOT_FOUND", "it answers 404, which no MLflow does", WRONG_ADDRESS),
    (
        r"not in a valid JSON|\bParseError|JSONDecodeError",
        "its answer is not MLflow's",
        WRONG_ADDRESS,
    ),
    (
        r"too many \d+ error|error code 5\d\d|5\d\d Server Error(: [\w ]+(?= for url))?",
        "it reports an error ({0})",
        "check the log of the server",
    ),
    (
        r"Connection aborted|RemoteDisconnected|Connection reset|ConnectionError|Max retries exceeded|connection failed",
        "the connection breaks",
        RESTART,
    ),
    (
        r"database is locked|TEMPORARILY_UNAVAILABLE",
        "another program has locked it",
        "close that program",
    ),
    (
        r"not a database|malformed|no such table|no such column|out-of-date database schema|Can't locate revision",
        "it is damaged, or of another version ({0})",
        "move the file away, a new one is made",
    ),
    (r"disk is full|No space left|quota exceeded", "the disk is full", "free some space"),
    (
        r"File too large|disk I/O error",
        "a file would be too large, or the disk fails ({0})",
        "check ulimit -f and the disk",
    ),
    (
        r"readonly database|read-only|unable to open database|Permission denied|Operation not permitted|Not a directory|File exists",
        "it cannot be written to ({0})",
        f"check the folder and its permissions, or {ANOTHER}",
    ),
    (r"No module named '[\w.]+'", "a Python package is missing ({0})", "install it with pip"),
    (
        r"unsupported URI|Can't load plugin|InvalidUrl|Invalid url|Could not parse|invalid literal",
        "MLflow cannot read this URI",
        f"correct it ({FORMS})",
    ),
    (
        r"filesystem tracking backend",
        "MLflow no longer keeps runs in plain folders",
        f"{ANOTHER} to sqlite:////path/mlflow.db",
    ),
)


class MlflowAway(TpigeError):
    """MLflow cannot be used, and is not asked again in this run: one sentence with the remedy, without secrets."""


def outage(error: BaseException, uri: str) -> MlflowAway:
    """An error of MLflow, of a library below it, or of the disk, as one sentence.

    >>> str(outage(OSError("[Errno 111] Connection refused"), "http://u:secret@host"))
    'MLflow at http://***@host: nothing answers (connection refused); start the server, or set MLFLOW_TRACKING_URI'
    """
    if isinstance(error, MlflowAway):
        return error
    text = scrubbed(" | ".join(_chain(error)), uri)
    for pattern, wrong, remedy in CAUSES:
        if match := re.search(pattern, text, re.IGNORECASE):
            return away(uri, wrong.format(match[0]), remedy)
    words = scrubbed(first_line(error), uri)[:LONGEST]
    remedy = RESTART if uri.startswith("http") else f"repair it, or {ANOTHER}"
    return away(uri, f"it reports {words!r}", remedy)


def away(uri: str, wrong: str, remedy: str) -> MlflowAway:
    """The sentence about a store."""
    return MlflowAway(f"MLflow at {shown(uri)}: {wrong}; {remedy}")


def check_uri(uri: str) -> None:
    """Look at what can be known without MLflow, whose own attempts would take minutes.

    Raises:
        MlflowAway: the URI cannot be read, or a SQLite file cannot be used.
    """
    if malformed(uri):
        raise away(
            uri,
            "the user name or password has one of the characters @ / ? #",
            "percent-encode it (%40 %2F %3F %23)",
        )
    file = sqlite_file(uri)
    try:
        if file is not None and file.exists():
            _try_to_write(file)
        elif file is not None:
            _try_to_make(file)
    except (sqlite3.Error, OSError) as error:
        problem = outage(error, uri)
    else:
        return
    raise problem


def sqlite_file(uri: str) -> Path | None:
    """The file of a SQLite store; None for any other.

    >>> sqlite_file("sqlite:////data/mlflow.db"), sqlite_file("http://mlflow.example.org")
    (PosixPath('/data/mlflow.db'), None)
    """
    if not uri.startswith("sqlite:///") or uri == "sqlite:///:memory:":
        return None
    return Path(uri.removeprefix("sqlite:///").partition("?")[0])


def _try_to_write(file: Path) -> None:
    """Begin to write, and take it back: nothing is changed."""
    place = f"file:{quote(str(file.resolve()))}?mode=rw"
    with closing(sqlite3.connect(place, uri=True, timeout=PATIENCE)) as database:
        database.execute("BEGIN IMMEDIATE")
        database.execute("CREATE TABLE tpige_can_write (x)")
        database.rollback()


def _try_to_make(file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    probe = file.with_name(f".{file.name}.probe")
    probe.touch()
    probe.unlink()


def _chain(error: BaseException | None) -> Iterator[str]:
    """What an error and those behind it say."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield f"{type(error).__name__}: {error}"
        error = error.__cause__ or error.__context__
