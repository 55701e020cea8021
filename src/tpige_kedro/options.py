"""The options of a model class as a pydantic model, so that ``models.<name>.options`` are checked before anything is loaded.

They are what the constructor takes, by the annotations of its signature. Where it ends in ``**options``, the class attribute
``Options`` says what these are: a pydantic model, or the dotted path of the class that gets them; without it they are those of the
class that it inherits from. All that is read from the source, so that no library of models is imported.
"""

from __future__ import annotations

import ast
import inspect
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Optional, Protocol, get_type_hints

from pydantic import BaseModel, ConfigDict, TypeAdapter, create_model

from tpige_kedro.declarations import declared, lineage, load_class, statement_of
from tpige_kedro.schemas import Settings
from tpige_kedro.source_values import Unreadable, value_of

Field = tuple[Any, Any]  # type and default


class Options(Settings):
    """Base of the models that are made from signatures."""

    model_config = ConfigDict(arbitrary_types_allowed=True, protected_namespaces=())


class AnyOptions(Options):
    """Of a class that takes all options and does not say which."""

    model_config = ConfigDict(extra="allow")


@dataclass(frozen=True)
class Layer:
    """What one class says: the parameters of its constructor, if it has one, whether it takes more, and which these are."""

    parameters: Mapping[str, Field] | None
    takes_more: bool
    more: type[BaseModel] | str | None


def options_model(path: str, options: Mapping[str, Any] | None = None) -> type[BaseModel]:
    """What the class behind the dotted ``path`` takes; ``options`` may name another class that it passes options on to.

    ``source`` and ``revision``, which have keys of their own in conf, are among the fields if the class takes them.

    Raises:
        ModelError: there is no such class.

    >>> list(options_model("tpige_kedro.metrics.photo_motion.PhotoMotionScorer").model_fields)
    ['source', 'revision', 'device', 'batch_size']
    """
    names = declared(path, "class_options", ())
    inner = [str(options[name]) for name in names if options and name in options]
    return _model(path, inner[0] if inner else None)


@cache
def _model(path: str, inner: str | None) -> type[BaseModel]:
    try:
        return _assembled(path, inner, _written_layers(path))
    except Unreadable:
        return _assembled(path, inner, _loaded_layers(load_class(path)))


def _assembled(path: str, inner: str | None, layers: Iterator[Layer]) -> type[BaseModel]:
    """One model of the parameters of a class and of those that it hands its ``**options`` on to."""
    parameters: dict[str, Field] = {}
    more: type[BaseModel] | str | None = None
    base: type[BaseModel] = Options
    for layer in layers:
        more = more or layer.more
        if layer.parameters is None:
            continue
        parameters = {**layer.parameters, **parameters}
        base = AnyOptions if layer.takes_more else Options
        known = (more or inner) if layer.takes_more else None
        if known:
            base = _model(known, None) if isinstance(known, str) else known
        if base is not AnyOptions:
            break
    return _created(path.rpartition(".")[2], base, parameters)


def _model_of(name: str, base: type[BaseModel], fields: Mapping[str, Field]) -> type[BaseModel]:
    return create_model(name, __base__=base, **dict[str, Any](fields))


def _created(name: str, base: type[BaseModel], parameters: Mapping[str, Field]) -> type[BaseModel]:
    """A model with ``parameters`` on top of the fields of ``base``; types that pydantic does not know are not checked."""
    with warnings.catch_warnings(action="ignore"):  # names that models have for themselves
        try:
            return _model_of(name, base, parameters)
        except Exception:
            known = {n: (t if _is_checkable(t) else Any, d) for n, (t, d) in parameters.items()}
            return _model_of(name, base, known)


def _is_checkable(annotation: Any) -> bool:
    try:
        TypeAdapter(annotation)
    except Exception:
        return False
    return True


def _written_layers(path: str) -> Iterator[Layer]:
    """The class and those that it inherits from, as they are written. Raises :class:`Unreadable`."""
    for source in lineage(path):
        if source is None:
            raise Unreadable(path)
        more = statement_of(source.node, "Options")
        value = None if more is None else value_of(more.value, source.module)  # type: ignore[attr-defined]  # an assignment
        init = statement_of(source.node, "__init__")
        if isinstance(init, ast.FunctionDef):
            fields = dict(_written_fields(init.args, source.module))
            yield Layer(fields, init.args.kwarg is not None, value)
        elif init is not None:
            raise Unreadable(path)
        else:
            yield Layer(None, False, value)


def _written_fields(arguments: ast.arguments, module: str) -> Iterator[tuple[str, Field]]:
    """The parameters of a constructor in source, without ``self``."""
    positional = [*arguments.posonlyargs, *arguments.args]
    defaults: list[ast.expr | None] = [*arguments.defaults, *arguments.kw_defaults]
    missing = [None] * (len(positional) - len(arguments.defaults))
    for argument, default in zip(
        [*positional, *arguments.kwonlyargs], [*missing, *defaults], strict=True
    ):
        if argument is positional[0] or argument.arg.startswith("_"):
            continue
        annotation: Any = Any
        if argument.annotation is not None:
            annotation = _annotation(argument.annotation, module)
        if isinstance(default, ast.Constant) and default.value is None:
            annotation = Optional[annotation]  # noqa: UP045
        yield argument.arg, (annotation, ... if default is None else _default(default, module))


def _annotation(expression: ast.expr, module: str) -> Any:
    """The type, or ``Any`` where it cannot be known without importing the module."""
    try:
        value = value_of(expression, module)
        return value_of(ast.parse(value, mode="eval").body, module) if isinstance(value, str) else value  # fmt: skip
    except (Unreadable, SyntaxError):
        return Any


def _default(expression: ast.expr, module: str) -> Any:
    try:
        return value_of(expression, module)
    except Unreadable:
        return None


def _loaded_layers(cls: Any) -> Iterator[Layer]:
    """An imported class and those that it inherits from; a function that makes one stands for a class."""
    if not isinstance(cls, type):
        yield _loaded_layer(cls)
        return
    for each in cls.__mro__:
        if each is object or each is Protocol:
            continue
        own = vars(each)
        if "__init__" in own:
            yield _loaded_layer(own["__init__"], own.get("Options"), skipped=1)
        elif "Options" in own:
            yield Layer(None, False, own["Options"])


def _loaded_layer(function: Any, more: Any = None, skipped: int = 0) -> Layer:
    try:
        parameters = list(inspect.signature(function).parameters.values())[skipped:]
    except (TypeError, ValueError):  # built in
        return Layer({}, True, more)
    try:
        hints = get_type_hints(function, include_extras=True)
    except Exception:  # names that only a type checker imports
        hints = {}
    kinds = {p.kind for p in parameters}
    named = [p for p in parameters if p.kind in {p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY}]
    fields = {
        p.name: (hints.get(p.name, Any), ... if p.default is p.empty else p.default)
        for p in named
        if not p.name.startswith("_")
    }
    return Layer(fields, inspect.Parameter.VAR_KEYWORD in kinds, more)
