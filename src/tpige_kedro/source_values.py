"""The value of an expression in a module's source, without importing that module: annotations, and tuples of constants.

A name is looked up where the source has it from: an assignment, or an import of something that is loaded already, of the standard
library, or of this package.
"""

from __future__ import annotations

import ast
import builtins
import importlib
import sys
from functools import cache
from typing import Any

from tpige_kedro.declarations import (
    bound_names,
    imported_module,
    lineage,
    load_class,
    module_tree,
    statement_of,
)
from tpige_kedro.errors import TpigeError

OWN = __name__.partition(".")[0]


class Unreadable(TpigeError):
    """The value cannot be known without importing something that may be large."""


def value_of(expression: ast.expr, module: str) -> Any:
    """The value that ``expression`` has in ``module``.

    Raises:
        Unreadable: it cannot be known without importing the module.

    >>> value_of(ast.parse("tuple[SidePixels, ...]").body[0].value, "tpige_kedro.option_types")
    tuple[typing.Annotated[int, FieldInfo(annotation=NoneType, required=True, metadata=[Gt(gt=0), MultipleOf(multiple_of=16)])], ...]
    """
    names = [node for node in ast.walk(expression) if isinstance(node, ast.Name)]
    bound = {node.id for node in names if not isinstance(node.ctx, ast.Load)}
    known = {n.id: named(module, n.id) for n in names if n.id not in bound}
    try:
        return eval(compile(ast.Expression(expression), module, "eval"), known)
    except Exception as error:
        raise Unreadable(f"{ast.unparse(expression)} in {module}: {error}") from error


def attribute(path: str, name: str) -> Any:
    """The class attribute ``name`` of the class behind the dotted ``path``; the class is imported only if its source cannot say.

    Raises:
        ModelError: there is no such class.
        AttributeError: it has no such attribute.

    >>> [m.name for m in attribute("tpige_kedro.metrics.photo_motion.PhotoMotionScorer", "metrics")]
    ['motion_smoothness']
    """
    try:
        for source in lineage(path):
            statement = None if source is None else statement_of(source.node, name)
            value = getattr(statement, "value", None)
            if source is None or (statement is not None and value is None):
                break
            if value is not None:
                return value_of(value, source.module)
    except Unreadable:
        pass
    return getattr(load_class(path), name)


@cache
def named(module: str, name: str) -> Any:
    """What ``name`` stands for in ``module``. Raises :class:`Unreadable`."""
    loaded = sys.modules.get(module)
    if hasattr(loaded, name):
        return getattr(loaded, name)
    tree = module_tree(module)
    for node in reversed(tree.body) if tree else ():  # the last one counts
        if isinstance(node, ast.Import | ast.ImportFrom):
            for alias in node.names:
                if (alias.asname or alias.name) == name:
                    return _imported(node, alias.name, module)
        elif isinstance(node, ast.ClassDef | ast.FunctionDef):
            if node.name == name:
                return getattr(_import_light(module), name)
        elif isinstance(node, ast.Assign | ast.AnnAssign) and name in bound_names(node):
            return value_of(node.value or ast.Constant(None), module)
    if hasattr(builtins, name):
        return getattr(builtins, name)
    raise Unreadable(f"{name} in {module}")


def _imported(node: ast.Import | ast.ImportFrom, name: str, module: str) -> Any:
    """What an import statement of ``module`` brings under ``name``."""
    if isinstance(node, ast.Import):
        return _import_light(name)
    source = imported_module(module, node)
    if not _is_light(source.partition(".")[0]):  # looking for it would import its package
        raise Unreadable(f"{source}.{name}")
    try:
        return named(source, name)
    except Unreadable:
        return _import_light(f"{source}.{name}")  # a module, or nothing


def _is_light(module: str) -> bool:
    top = module.partition(".")[0]
    return module in sys.modules or top == OWN or top in sys.stdlib_module_names


def _import_light(module: str) -> Any:
    if not _is_light(module):
        raise Unreadable(module)
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise Unreadable(module) from error
