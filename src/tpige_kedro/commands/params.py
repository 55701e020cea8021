"""``--params``: paths are taken letter by letter, everything else as Kedro does."""

from __future__ import annotations

from typing import Any

import click
from kedro.framework.cli.utils import _split_params

from tpige_kedro.config import PATHS

NULL = "null"  # switches a path of globals.yml off


def split_params(ctx: click.Context, param: Any, value: Any) -> Any:
    """The values of ``--params``.

    Kedro reads each as YAML, which takes ``~`` for nothing, what follows `` #`` for a comment and ``{x}`` for a mapping, so
    that results would land elsewhere.
    """
    if not isinstance(value, str):
        return _split_params(ctx, param, value)
    paths, others = paths_in(value)
    return {**_split_params(ctx, param, ",".join(others)), **paths}


def paths_in(value: str) -> tuple[dict[str, str | None], list[str]]:
    """The paths in a text ``key=value,key=value``, and its other items; a part without ``=`` belongs to the path before it.

    >>> paths_in("data_root=~/a #1,b,seed=7")
    ({'data_root': '~/a #1,b'}, ['seed=7'])
    """
    paths: dict[str, str] = {}
    others: list[str] = []
    last = ""
    for item in value.split(","):
        key, equals, path = item.partition("=")
        if equals:
            last = key.strip() if key.strip() in PATHS else ""
        if not last:
            others.append(item)
        elif equals:
            paths[last] = path
        elif item.strip():
            paths[last] += f",{item}"
    return {key: _unquoted(path.strip()) for key, path in paths.items()}, others


def _unquoted(path: str) -> str | None:
    if path == NULL:
        return None
    quoted = len(path) > 1 and path[0] == path[-1] and path[0] in "\"'"
    return path[1:-1] if quoted else path
