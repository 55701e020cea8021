"""What a class says about itself, read from its source: importing a generator takes seconds, and a finished run needs none of it.

Classes that conf names declare ``version``; some also ``paid``, ``service``, ``follows_instructions``, ``weight_options`` … All are
plain values in the class body, or in that of a class it inherits from.
"""

from __future__ import annotations

import ast
import importlib
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec, resolve_name
from pathlib import Path
from typing import Any

from tpige_kedro.errors import ModelError

NOWHERE = object()  # neither the class nor those it inherits from have it
UNREADABLE = object()  # only the imported class can say
EMPTY = frozenset({"object", "ABC", "Protocol"})  # bases that declare nothing


def declared(path: str, name: str, default: Any = None) -> Any:
    """The value of the class attribute ``name`` of the class behind the dotted ``path``, else ``default``.

    A class that is imported already is asked itself. Else its source is read; it is imported only where that does not help:
    a value that is computed, a decorator, two bases, a module without source.

    Raises:
        ModelError: there is no such class.

    >>> declared("tpige_kedro.video_generators.hailuo.Hailuo", "paid", False)
    True
    """
    module, _, class_name = path.rpartition(".")
    loaded = getattr(sys.modules.get(module), class_name, None)
    value = getattr(loaded, name, NOWHERE) if loaded is not None else _written(path, name)
    if value is UNREADABLE:
        value = getattr(load_class(path), name, NOWHERE)
    return default if value is NOWHERE else value


def declared_version(path: str) -> int:
    """The version of the maker behind the dotted ``path``.

    Raises:
        ModelError: it has none, or there is no such class.
    """
    version = declared(path, "version")
    if isinstance(version, bool) or not isinstance(version, int):
        raise ModelError(
            f"model type {path!r} has no version; declare `version = 1` in the class, and raise it whenever the same inputs "
            "give other pixels, texts or values"
        )
    return version


def load_class(path: str) -> Any:
    """The class behind a dotted path. Raises :class:`ModelError` naming the path."""
    module, _, name = path.rpartition(".")
    try:
        return getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise ModelError(
            f"model type {path!r} cannot be imported: {error}; set models.<name>.type"
        ) from error


@dataclass(frozen=True)
class Source:
    """A class as it is written, and the module that it is written in."""

    module: str
    node: ast.ClassDef


@cache
def _written(path: str, name: str) -> Any:
    """The value in the source: of the class, else of the one class that it inherits from, and so on."""
    module, _, class_name = path.rpartition(".")
    source = _find(module, class_name)
    if source is None or source.node.keywords or source.node.decorator_list:
        return UNREADABLE
    value = _value_in(source.node, name)
    if value is not NOWHERE:
        return value
    bases = [base for base in source.node.bases if ast.unparse(base) not in EMPTY]
    if not bases:
        return NOWHERE
    if len(bases) > 1 or not isinstance(bases[0], ast.Name):
        return UNREADABLE
    return _written(f"{source.module}.{bases[0].id}", name)


def _find(module: str, name: str) -> Source | None:
    """The class ``name`` of a module, which may have it from another one."""
    tree = _tree(module)
    for node in reversed(tree.body) if tree else ():  # the last one counts
        if isinstance(node, ast.ClassDef) and node.name == name:
            return Source(module, node)
        if isinstance(node, ast.ImportFrom):
            for alias in node.names:
                if (alias.asname or alias.name) == name:
                    return _find(_imported_module(module, node), alias.name)
        elif name in _bound(node):
            return None
    return None


def _imported_module(module: str, node: ast.ImportFrom) -> str:
    """The absolute name of the module in ``from module import …``."""
    spec = find_spec(module)
    package = module if spec and spec.submodule_search_locations else module.rpartition(".")[0]
    return resolve_name(f"{'.' * node.level}{node.module or ''}", package)


@cache
def _tree(module: str) -> ast.Module | None:
    """The source of a module, parsed; None if it has none or is not to be found. Its packages are imported, itself is not."""
    try:
        spec = find_spec(module)
        return ast.parse(Path(spec.origin).read_bytes()) if spec and spec.origin else None
    except (ImportError, OSError, ValueError, SyntaxError):
        return None


def _value_in(node: ast.ClassDef, name: str) -> Any:
    """The literal that a class body gives ``name``."""
    for statement in reversed(node.body):  # the last one counts
        if name in _bound(statement):
            return _literal(statement)
    return NOWHERE


def _literal(statement: ast.stmt) -> Any:
    """The value of a plain ``name = literal``."""
    plain = isinstance(statement, ast.AnnAssign) or (
        isinstance(statement, ast.Assign)
        and all(isinstance(t, ast.Name) for t in statement.targets)
    )
    try:
        return ast.literal_eval(statement.value) if plain else UNREADABLE  # type: ignore[attr-defined]
    except ValueError:
        return UNREADABLE


def _bound(statement: ast.stmt) -> Iterator[str]:
    """The names that a statement gives a value."""
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        yield statement.name
    elif not (isinstance(statement, ast.AnnAssign) and statement.value is None):
        for part in ast.walk(statement):
            if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store):
                yield part.id
