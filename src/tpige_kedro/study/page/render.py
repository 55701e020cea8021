"""The page as text: one template, its style and its script, for the server and for a folder."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

COMMON = ("elements", "player", "answers", "page")  # in this order, after what asks and saves


@cache
def templates() -> Any:
    """The templates; everything that they print is escaped."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    return Environment(
        loader=PackageLoader(__package__, "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )


def page_html(words: Mapping[str, Any]) -> str:
    """The page of a server, which is the same for every rater."""
    return str(templates().get_template("served.html").render(words=words))


def not_found_page(title: str, text: str) -> str:
    """What somebody without a link that works sees."""
    return str(templates().get_template("not_found.html").render(title=title, text=text))


def folder_html(words: Mapping[str, Any], data: str, policy: str) -> str:
    """The page of a folder, with everything but clips and pictures inside; ``data`` is JSON that holds no ``<``."""
    given = {"words": words, "data": data, "policy": policy}
    inside = {"script": script("folder_source"), "style": style()}
    return str(templates().get_template("folder.html").render(**given, **inside))


@cache
def script(source: str) -> str:
    """The script of the page, with what asks and saves: ``server_source`` or ``folder_source``."""
    parts = (_text(f"js/{name}.js") for name in ("elements", source, *COMMON[1:]))
    return '"use strict";\n' + "\n".join(parts)


@cache
def style() -> str:
    """The style of the page."""
    return _text("page.css")


def _text(name: str) -> str:
    return files(__package__).joinpath("templates", name).read_text(encoding="utf-8")
