"""Docstrings name other objects by Sphinx's roles; the site shows them as code."""

from __future__ import annotations

import re
from typing import Any

import griffe

ROLE = re.compile(r":[a-z]+:`~?([^`]+)`")


class Roles(griffe.Extension):
    """Turns :class:`~a.b.C` into `C` before a docstring is parsed."""

    def on_instance(self, *, obj: griffe.Object | griffe.Alias, **_: Any) -> None:
        """Called for every module, class, function and attribute."""
        if not obj.is_alias and obj.docstring:
            obj.docstring.value = ROLE.sub(short, obj.docstring.value)


def short(found: re.Match[str]) -> str:
    """The name alone."""
    return f"`{found[1].rsplit('.', 1)[-1]}`" if found[0].count("~") else f"`{found[1]}`"
