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


def declared(path: str, name: str, default: object = None) -> Any:
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


def names_in(module: str) -> list[str] | None:
    """The public names of a module as its source has them; None if only the imported module can say."""
    tree = module_tree(module)
    if tree is None:
        return None
    names: list[str] = []
    for node in tree.body:
        if isinstance(node, ast.Import | ast.ImportFrom):
            names += [alias.asname or alias.name for alias in node.names]
        else:
            names += bound_names(node)
    known = [name for name in names if not name.startswith("_")]
    return None if "*" in names or "__getattr__" in names else known


@dataclass(frozen=True)
class Source:
    """A class as it is written, and the module that it is written in."""

    module: str
    node: ast.ClassDef


@cache
def _written(path: str, name: str) -> Any:
    """The value in the source: of the class, else of the one class that it inherits from, and so on."""
    for source in lineage(path):
        if source is None:
            return UNREADABLE
        value = _value_in(source.node, name)
        if value is not NOWHERE:
            return value
    return NOWHERE


def has_method(path: str, name: str) -> bool:
    """Whether the class behind the dotted ``path`` has a method ``name``, its own or inherited.

    >>> has_method("tpige_kedro.video_generators.phantom.Phantom", "generate")
    True
    """
    for source in lineage(path):
        if source is None:
            return hasattr(load_class(path), name)
        if statement_of(source.node, name) is not None:
            return True
    return False


def lineage(path: str) -> Iterator[Source | None]:
    """The class behind a dotted path as it is written, the one it inherits from, and so on; None where the source cannot say.

    That is a decorator, a metaclass, two bases, or a module without source.
    """
    while True:
        module, _, class_name = path.rpartition(".")
        source = _find(module, class_name)
        if source is None or source.node.keywords or source.node.decorator_list:
            yield None
            return
        yield source
        bases = [base for base in source.node.bases if ast.unparse(base) not in EMPTY]
        if not bases:
            return
        if len(bases) > 1 or not isinstance(bases[0], ast.Name):
            yield None
            return
        path = f"{source.module}.{bases[0].id}"


def _find(module: str, name: str) -> Source | None:
    """The class ``name`` of a module, which may have it from another one."""
    tree = module_tree(module)
    for node in reversed(tree.body) if tree else ():  # the last one counts
        if isinstance(node, ast.ClassDef) and node.name == name:
            return Source(module, node)
        if isinstance(node, ast.ImportFrom):
            for alias in node.names:
                if (alias.asname or alias.name) == name:
                    return _find(imported_module(module, node), alias.name)
        elif name in bound_names(node):
            return None
    return None


def imported_module(module: str, node: ast.ImportFrom) -> str:
    """The absolute name of the module in ``from module import …``."""
    spec = find_spec(module)
    package = module if spec and spec.submodule_search_locations else module.rpartition(".")[0]
    return resolve_name(f"{'.' * node.level}{node.module or ''}", package)


@cache
def module_tree(module: str) -> ast.Module | None:
    """The source of a module, parsed; None if it has none or is not to be found. Its packages are imported, itself is not."""
    try:
        spec = find_spec(module)
        return ast.parse(Path(spec.origin).read_bytes()) if spec and spec.origin else None
    except (ImportError, OSError, ValueError, SyntaxError):
        return None


def _value_in(node: ast.ClassDef, name: str) -> Any:
    """The literal that a class body gives ``name``."""
    statement = statement_of(node, name)
    return NOWHERE if statement is None else _literal(statement)


def statement_of(node: ast.ClassDef, name: str) -> ast.stmt | None:
    """The statement of a class body that gives ``name`` its value; the last one counts."""
    return next((s for s in reversed(node.body) if name in bound_names(s)), None)


def _literal(statement: ast.stmt) -> Any:
    """The value of a plain ``name = literal``."""
    plain = isinstance(statement, ast.AnnAssign) or (
        isinstance(statement, ast.Assign)
        and all(isinstance(t, ast.Name) for t in statement.targets)
    )
    try:
        return ast.literal_eval(statement.value) if plain else UNREADABLE  # type: ignore[attr-defined]  # plain ones have a value
    except ValueError:
        return UNREADABLE


def bound_names(statement: ast.stmt) -> Iterator[str]:
    """The names that a statement gives a value."""
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        yield statement.name
    elif not (isinstance(statement, ast.AnnAssign) and statement.value is None):
        for part in ast.walk(statement):
            if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store):
                yield part.id
