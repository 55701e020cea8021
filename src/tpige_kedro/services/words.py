"""What a server says in an unexpected answer."""

from __future__ import annotations

import html
import re

SHOWN = 300  # characters of what a service says that an error repeats
MARKUP = re.compile(r"<(script|style)\b.*?</\1\s*>|<!--.*?-->|<[^<>]*>", re.DOTALL | re.IGNORECASE)
HTML = re.compile(r"\s*(<!doctype html|<html|<head|<body|<\?xml)", re.IGNORECASE)
TEXTS = ("message", "error", "detail", "details", "errors", "error_description", "msg", "title")


def words_of(body: object, most: int = SHOWN) -> str:
    """The message of an error in one of the usual forms, else the beginning of the body; one line that can be printed.

    >>> words_of({"error": {"message": "no such model", "code": 404}})
    'no such model'
    >>> words_of([{"error": "Unknown name"}]), words_of("<html><title>Log in</title></html>")
    ('Unknown name', 'an HTML page: Log in')
    """
    if isinstance(body, str) and HTML.match(body):
        return short(f"an HTML page: {html.unescape(MARKUP.sub(' ', body[:10_000]))}")
    return short(_message(body, depth=6) or body, most)


def short(said: object, most: int = SHOWN) -> str:
    """The beginning of what a service says, on one line, with everything that no terminal should get written as an escape."""
    text = " ".join(str(said).split())
    shown = "".join(c if c.isprintable() else repr(c)[1:-1] for c in text[:most])
    return shown.rstrip(": ") if text else "nothing"


def _message(body: object, depth: int) -> str:
    if isinstance(body, str):
        return body
    if depth == 0:
        return ""
    if isinstance(body, list):
        return "; ".join(filter(None, (_message(part, depth - 1) for part in body[:4])))
    if not isinstance(body, dict):
        return ""
    if "msg" in body and "loc" in body:  # a field that FastAPI refuses
        place = body["loc"] if isinstance(body["loc"], list | tuple) else [body["loc"]]
        return f"{'.'.join(map(str, place))}: {body['msg']}"
    found = (_message(body[key], depth - 1) for key in TEXTS if body.get(key))
    return next(filter(None, found), "")
