"""``--params``: paths are taken literally, lists may have commas, and everything else works as in Kedro."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import click
from kedro.framework.cli.utils import _split_params
from omegaconf import OmegaConf

from tpige_kedro.config import PATHS

NAMES = "run_variants"  # names with commas between them
NULL = "null"  # switches a path of globals.yml off


def split_params(ctx: click.Context, param: click.Parameter, value: object) -> Any:
    """The values of ``--params``.

    Kedro reads each as YAML, which takes ``~`` for nothing, what follows `` #`` for a comment and ``{x}`` for a mapping, so
    that results would land elsewhere.
    """
    if not isinstance(value, str):
        return _split_params(ctx, param, value)
    paths, others = paths_in(value)
    lists, plain = lists_in(others)
    if unclosed := next((item for item in lists if item.count("[") > item.count("]")), None):
        raise click.ClickException(
            f"--params: a value cannot be read: {unclosed}: the bracket is not closed; close it"
        )
    values: Any = _split_params(ctx, param, ",".join(plain))
    if lists:
        values = OmegaConf.to_container(OmegaConf.merge(values, OmegaConf.from_dotlist(lists)))
    return {**values, **paths}


def lists_in(items: Iterable[str]) -> tuple[list[str], list[str]]:
    """The items ``key=[a,b]`` put together again, and the others. For ``run_variants`` names with commas do without brackets.

    >>> lists_in(["weights=[0", "0.5]", "seed=7", "run_variants=a", "b"])
    (['weights=[0,0.5]', 'run_variants=a,b'], ['seed=7'])
    """
    found: list[str] = []
    for item in items:
        last = found[-1] if found else ""
        goes_on = "=" not in item and last.partition("=")[0].strip() == NAMES
        if (_is_list(last) and last.count("[") > last.count("]")) or (goes_on and item.strip()):
            found[-1] += f",{item}"
        else:
            found.append(item)
    lists = [item for item in found if _is_list(item) or item.partition("=")[0].strip() == NAMES]
    return lists, [item for item in found if item not in lists]


def _is_list(item: str) -> bool:
    return item.partition("=")[2].lstrip().startswith("[")


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
