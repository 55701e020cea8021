"""Complete or refused: compares the tensors of a checkpoint with those of the network, with a message for each way to fail."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tpige_kedro.errors import ModelError, first_line
from tpige_kedro.weights.sources import where_from
from tpige_kedro.weights.unwritten import unwritten

if TYPE_CHECKING:
    from torch import Tensor

SHOWN = 3
COUNTS = ("position_ids", "num_batches_tracked")  # whole numbers in published checkpoints


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
        ModelError: which tensors are missing, do not belong there, or have another shape or kind of number: whole numbers in
            place of fractions are quantised weights, which mean something else. Or which large matrices are all zeros.
    """
    missing = [name for name in wanted if name not in held and not _matches(name, optional)]
    foreign = [name for name in held if name not in wanted and not _matches(name, ignorable)]
    shapes = [
        f"{name} {tuple(held[name].shape)} instead of {tuple(tensor.shape)}"
        for name, tensor in wanted.items()
        if name in held and held[name].shape != tensor.shape
    ]
    types = [
        f"{name} {type_of(held[name])}"
        for name, tensor in wanted.items()
        if name in held and held[name].is_floating_point() != tensor.is_floating_point()
    ]
    refuse(what, where, missing, foreign, shapes, remedy, types, unwritten(held))


def refuse(
    what: str,
    where: str | Path,
    missing: Sequence[str],
    foreign: Sequence[str],
    shapes: Sequence[str],
    remedy: str = "",
    types: Sequence[str] = (),
    zeros: Sequence[str] = (),
) -> None:
    """Raise :class:`ModelError` that names the tensors, or nothing if there are none."""
    kinds = (
        ("missing", missing),
        ("not part of it", foreign),
        ("of another shape", shapes),
        ("of another type", types),
        ("all zeros, as a download that broke off leaves", zeros),
    )
    problems = [f"{_tensors(names)} {kind} ({some(names)})" for kind, names in kinds if names]
    if problems:
        raise ModelError(
            f"{where} does not hold a complete {what}: {'; '.join(problems)}; {remedy or again(where)}"
        )


def quantised(held: Mapping[str, Tensor]) -> list[str]:
    """The tensors that hold no fractions although they are no counts or positions, each with its type."""
    return [
        f"{name} {type_of(tensor)}"
        for name, tensor in sorted(held.items())
        if not tensor.is_floating_point() and not name.endswith(COUNTS)
    ]


def type_of(tensor: Tensor) -> str:
    """The name of a tensor's type, such as ``int8``."""
    return str(tensor.dtype).removeprefix("torch.")


def cannot_load(what: str, where: str | Path, error: BaseException | str) -> ModelError:
    """The error for a part of a model that a library refuses to load, with the library's own words."""
    reason = error if isinstance(error, str) else first_line(error)
    return ModelError(
        f"model source {str(where)!r}: {what} cannot be loaded ({reason}); {again(where)}"
    )


def read_json(file: Path) -> dict[str, Any]:
    """A JSON object, as configs and indices are. Raises :class:`ModelError` naming the file."""
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        reason = "no such file" if not file.exists() else first_line(error)
        raise ModelError(f"{file} cannot be read ({reason}); {again(file)}") from error
    if not isinstance(content, dict):
        raise ModelError(f"{file} cannot be read (not a JSON object); {again(file)}")
    return content


def again(where: str | Path) -> str:
    """What to do about a file or folder of weights that is not whole.

    >>> again("wan/vae/config.json")
    'download it again or set models.<name>.source to a complete copy (docs/models.md says where the weights are and how to fill the folder)'
    """
    return f"download it again or set models.<name>.source to a complete copy ({where_from(where)})"


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
