"""Whole or refused: the tensors of a checkpoint against those of the network, and the words for each way to fail."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tpige_kedro.errors import ModelError, first_line
from tpige_kedro.weights.sources import where_from

if TYPE_CHECKING:
    from torch import Tensor

SHOWN = 3


def check_whole(
    what: str,
    where: str | Path,
    wanted: Mapping[str, Tensor],
    held: Mapping[str, Tensor],
    *,
    optional: Collection[str] = (),
    ignorable: Collection[str] = (),
    remedy: str = "",
) -> None:
    """Refuse ``held`` if it is not exactly what a network wants.

    Args:
        what: the class of the network, for the message.
        where: the file or index that holds them.
        wanted: tensors of the network by name; only their shapes count, they may be on the device ``meta``.
        held: tensors of the checkpoint by name.
        optional: regular expressions of names that may be missing.
        ignorable: regular expressions of names that may be there although the network does not have them.
        remedy: what to do; by default, to download it again.

    Raises:
        ModelError: which tensors are missing, do not belong there, or have another shape.
    """
    missing = [name for name in wanted if name not in held and not _matches(name, optional)]
    foreign = [name for name in held if name not in wanted and not _matches(name, ignorable)]
    shapes = [
        f"{name} {tuple(held[name].shape)} instead of {tuple(tensor.shape)}"
        for name, tensor in wanted.items()
        if name in held and held[name].shape != tensor.shape
    ]
    refuse(what, where, missing, foreign, shapes, remedy)


def refuse(
    what: str,
    where: str | Path,
    missing: Sequence[str],
    foreign: Sequence[str],
    shapes: Sequence[str],
    remedy: str = "",
) -> None:
    """Raise :class:`ModelError` that names the tensors, or nothing if there are none."""
    kinds = (("missing", missing), ("not part of it", foreign), ("of another shape", shapes))
    problems = [f"{_tensors(names)} {kind} ({some(names)})" for kind, names in kinds if names]
    if problems:
        raise ModelError(
            f"{where} does not hold a whole {what}: {'; '.join(problems)}; {remedy or again(where)}"
        )


def cannot_load(what: str, where: str | Path, error: BaseException | str) -> ModelError:
    """The error for a part of a model that a library refuses to load, with the library's own words."""
    reason = error if isinstance(error, str) else first_line(error)
    return ModelError(
        f"model source {str(where)!r}: {what} cannot be loaded ({reason}); {again(where)}"
    )


def again(where: str | Path) -> str:
    """What to do about a file or folder of weights that is not whole.

    >>> again("wan/vae/config.json")
    'download it again or set models.<name>.source to a whole copy (docs/models.md says where the weights are and how to fill the folder)'
    """
    return f"download it again or set models.<name>.source to a whole copy ({where_from(where)})"


def some(names: Sequence[Any]) -> str:
    """The first three of ``names``.

    >>> some(["a", "b", "c", "d"])
    'a, b, c, ...'
    """
    return ", ".join([*map(str, names[:SHOWN]), *(["..."] if len(names) > SHOWN else [])])


def _tensors(names: Sequence[str]) -> str:
    return f"{len(names)} tensors are" if len(names) > 1 else "1 tensor is"


def _matches(name: str, patterns: Collection[str]) -> bool:
    return any(re.search(pattern, name) for pattern in patterns)
