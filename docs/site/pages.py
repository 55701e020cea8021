"""Hooks of the site: README.md is its home, conf/README.md a page, and each room of the package a page of its API."""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath
from typing import Any

from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "src" / "tpige_kedro"
BORROWED = {"README.md": "index.md", "conf/README.md": "settings.md"}  # from outside of docs/
LINK = re.compile(r"(!?)\[([^\]]*)\]\(([^)\s]+)\)|(src|href)=\"([^\"]+)\"")
TOP = "top level"


def on_config(config: Any) -> Any:
    """A page of the API for each room, behind the pages that are written by hand."""
    config.nav.append({"API": [{name: api_page(name)} for name in rooms()]})
    return config


def on_files(files: Files, config: Any) -> Files:
    """Add what does not lie in docs/."""
    for source, page in BORROWED.items():
        text = (ROOT / source).read_text()
        files.append(File.generated(config, page, content=relinked(text, source)))
    for name, modules in rooms().items():
        lines = [f"# {name}", "", *(f"::: {module}" for module in modules), ""]
        files.append(File.generated(config, api_page(name), content="\n".join(lines)))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Links as they work on the site."""
    source = page.file.src_uri
    return markdown if source in BORROWED.values() else relinked(markdown, f"docs/{source}")


def rooms() -> dict[str, list[str]]:
    """The modules of each folder of the package: top-level modules first, and a folder's `__init__` before its other modules."""
    found: dict[str, list[str]] = {TOP: []}
    for file in sorted(PACKAGE.rglob("*.py")):
        parts = file.relative_to(PACKAGE).with_suffix("").parts
        if parts[-1].startswith("__") and parts[-1] != "__init__":
            continue
        name = ".".join(("tpige_kedro", *(part for part in parts if part != "__init__")))
        found.setdefault(parts[0] if len(parts) > 1 else TOP, []).append(name)
    return found


def api_page(room: str) -> str:
    """Where the API of a room is."""
    return f"api/{room.replace(' ', '_')}.md"


def relinked(text: str, source: str) -> str:
    """A page of the repository as a page of the site; what is no page there, such as code, is named without a link."""

    def changed(found: re.Match[str]) -> str:
        mark, title, target, attribute, file = found.groups()
        link = site_link(file or target, source)
        if attribute:
            return f'{attribute}="{link}"'
        return f"{mark}[{title}]({link})" if link else title

    return LINK.sub(changed, text)


def site_link(link: str, source: str) -> str:
    """Where a link of the file ``source`` leads on the site; empty if to something that is no page. Raises ``PluginError``."""
    path, hash_mark, anchor = link.partition("#")
    if not path or "://" in link or link.startswith("mailto:"):
        return link
    target = (ROOT / source).parent.joinpath(path).resolve()
    if not target.exists():
        raise PluginError(f"{source} links to {link}, which is not there")
    inside = target.relative_to(ROOT).as_posix()
    page = BORROWED.get(inside) or (
        inside.removeprefix("docs/") if inside.startswith("docs/") else ""
    )
    here = BORROWED.get(source, source.removeprefix("docs/"))
    up = "../" * (len(PurePosixPath(here).parts) - 1)
    return f"{up}{page}{hash_mark}{anchor}" if page else ""
