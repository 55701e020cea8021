"""Pins: what each maker gives for one tiny input, so that none gives anything else without a new ``version``.

``pins.json`` holds, for each class that conf can name and for each module that makes texts or pictures without a model, the version
and the results. A result has up to three kinds of content:

* ``exact``: texts and whole numbers;
* ``close``: numbers that another processor computes a little differently;
* ``coarse``: means over many pixels, and numbers that the maker itself rounds.

``pytest tests/makers --update-pins`` writes new ones: after a version was raised, a maker was added, or shipped weights were trained
again.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

FILE = Path(__file__).with_name("pins.json")
COMMAND = "pytest tests/makers --update-pins"
TOLERANCES = {
    "exact": {"rel_tol": 0.0, "abs_tol": 0.0},
    "close": {"rel_tol": 2e-4, "abs_tol": 2e-5},
    "coarse": {"rel_tol": 0.0, "abs_tol": 2e-4},  # on a scale of [0, 1]: 0.05 levels of 255
}

Result = Mapping[str, Mapping[str, Any]]  # case -> kind -> content
Pin = Callable[[type | ModuleType, Result], None]
Checkpoints = Callable[..., str]


class Pins:
    """The pins in a file; with ``update`` they are written instead of compared."""

    def __init__(self, file: Path, update: bool = False) -> None:
        self.file, self.update = file, update

    def read(self) -> dict[str, Any]:
        return dict(json.loads(self.file.read_text())) if self.file.exists() else {}

    def check(self, maker: type | ModuleType, result: Result) -> None:
        """Fail with what to do if ``maker`` does not give what it gave."""
        name, version = name_of(maker), version_of(maker)
        result = json.loads(json.dumps(result, default=float))
        if self.update:
            self.write({**self.read(), name: {"version": version, "result": result}})
            return
        pinned = self.read().get(name)
        if pinned is None:
            pytest.fail(f"{name}: it has no pin; `{COMMAND}` writes one", pytrace=False)
        if pinned["version"] != version:
            pytest.fail(
                f"{name}: its version is {version}, that of its pin {pinned['version']}; `{COMMAND}` writes new pins",
                pytrace=False,
            )
        differences = list(differing(pinned["result"], result))
        if not differences:
            return
        shown = "\n".join(f"  {difference[:200]}" for difference in differences[:8])
        if any(difference.startswith(WEIGHTS) for difference in differences):
            pytest.fail(
                f"{name}: its shipped weights are other ones; `{COMMAND}` writes new pins\n{shown}",
                pytrace=False,
            )
        where = (
            "`VERSION` in the module" if isinstance(maker, ModuleType) else "`version` in the class"
        )
        pytest.fail(
            f"{name}: the same input gives another result, but its version is still {version}: raise {where} "
            f"(finished results are then made again), or undo the change; `{COMMAND}` writes new pins\n{shown}",
            pytrace=False,
        )

    def write(self, pins: Mapping[str, Any]) -> None:
        """A line a case, so that a change of one shows as one."""
        blocks = []
        for name in sorted(pins):
            cases = ",\n".join(
                f"   {json.dumps(case)}: {json.dumps(rounded(content))}"
                for case, content in pins[name]["result"].items()
            )
            blocks.append(
                f' {json.dumps(name)}: {{\n  "version": {pins[name]["version"]},\n  "result": {{\n{cases}\n  }}\n }}'
            )
        self.file.write_text("{\n" + ",\n".join(blocks) + "\n}\n")


WEIGHTS = "weights:"


def name_of(maker: type | ModuleType) -> str:
    if isinstance(maker, ModuleType):
        return maker.__name__
    return f"{maker.__module__}.{maker.__qualname__}"


def version_of(maker: type | ModuleType) -> int:
    """Of a class that in its own body, of a module its ``VERSION``, 1 without one."""
    if isinstance(maker, ModuleType):
        return int(getattr(maker, "VERSION", 1))
    return int(vars(maker)["version"])


def differing(pinned: Result, found: Result) -> Iterator[str]:
    """What is different, in words."""
    for case in sorted({*pinned, *found}):
        if case not in pinned or case not in found:
            yield f"{case}: only in the {'pin' if case in pinned else 'result'}"
            continue
        for kind in sorted({*pinned[case], *found[case]}):
            yield from _apart(case, pinned[case].get(kind), found[case].get(kind), kind)


def _apart(where: str, old: Any, new: Any, kind: str) -> Iterator[str]:
    if isinstance(old, Mapping) and isinstance(new, Mapping) and set(old) == set(new):
        for key in old:
            yield from _apart(f"{where}.{key}", old[key], new[key], kind)
    elif _is_list(old) and _is_list(new) and len(old) == len(new):
        for index, (a, b) in enumerate(zip(old, new, strict=True)):
            yield from _apart(f"{where}[{index}]", a, b, kind)
    elif _is_number(old) and _is_number(new):
        if not math.isclose(old, new, **TOLERANCES[kind]):
            yield f"{where}: {old} became {new}"
    elif old != new:
        yield f"{where}: {old!r} became {new!r}"


def _is_list(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def rounded(value: Any) -> Any:
    """Floats with six digits."""
    if isinstance(value, float):
        return float(f"{value:.6g}")
    if isinstance(value, Mapping):
        return {key: rounded(part) for key, part in value.items()}
    return [rounded(part) for part in value] if _is_list(value) else value
