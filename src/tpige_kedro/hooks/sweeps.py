"""Sweeps: a list where guidance takes one value makes a variant of each value."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from typing import Any, NamedTuple

from tpige_kedro.schemas import Guidance, Schedule

LAYERS = "skip_layers"  # its value is a list; a list of lists is a sweep
SCHEDULES = ("text_schedule", "identity_schedule")
OUTSIDE_NAMES = re.compile(r"[^A-Za-z0-9]")


class Swept(NamedTuple):
    """A key of the guidance, as its path, and the values it takes in turn."""

    path: tuple[str, ...]
    values: Sequence[Any]


def with_sweeps(raw: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """The parameters with each swept variant replaced by one variant per value, and what is wrong with the sweeps.

    Several lists in one variant make the product of their values. In ``run_variants`` and in the lists of ``moe``, the name of
    a swept variant stands for all that it makes.

    >>> guidance = {"identity_weight": [0, 0.25]}
    >>> raw = {"variants": {"ours": {"generator": "wan", "guidance": guidance}}}
    >>> list(with_sweeps(raw)[0]["variants"])
    ['ours_identity_weight_0', 'ours_identity_weight_0p25']
    """
    variants = raw.get("variants")
    if not isinstance(variants, dict):
        return raw, []
    swept = {name: found for name, entry in variants.items() if (found := list(swept_in(entry)))}
    if not swept:
        return raw, []
    problems = [p for name, found in swept.items() for each in found for p in _problems(name, each)]
    if problems:
        return raw, problems
    made = {name: _points(str(name), variants[name], found) for name, found in swept.items()}
    expanded, problems = _expanded(variants, made)
    moe = raw.get("moe")
    names = {name: [point for point, _ in points] for name, points in made.items()}
    baseline = moe.get("baseline") if isinstance(moe, dict) else None
    if isinstance(baseline, str) and baseline in names:
        points = ", ".join(names[baseline])
        problems.append(f"moe.baseline: {baseline} is swept; name one of {points}")
    changed = {**raw, "variants": expanded}
    if isinstance(moe, dict):
        changed["moe"] = _in_moe(moe, names)
    if isinstance(raw.get("run_variants"), list):
        changed["run_variants"] = _all(raw["run_variants"], names)
    return changed, problems


def swept_in(entry: object) -> Iterator[Swept]:
    """The lists in the guidance of a variant that stand where one value is expected.

    Their order is that of the keys in :class:`Guidance`, so that names do not depend on the order in a file.
    """
    guidance = entry.get("guidance") if isinstance(entry, dict) else None
    if not isinstance(guidance, dict):
        return
    for key in Guidance.model_fields:
        value = guidance.get(key)
        if key in SCHEDULES:
            inside = value if isinstance(value, dict) else {}
            lists = (k for k in Schedule.model_fields if isinstance(inside.get(k), list))
            yield from (Swept((key, k), inside[k]) for k in lists)
        elif key == LAYERS:
            if isinstance(value, list) and any(isinstance(each, list) for each in value):
                yield Swept((key,), value)
        elif isinstance(value, list):
            yield Swept((key,), value)


def label(value: object) -> str:
    """A value as a part of a variant's name, which is letters, digits and ``_``.

    >>> [label(value) for value in (0.25, 1.0, 1e-05, "t2v", [7, 9])]
    ['0p25', '1', '1em05', 't2v', '7_9']
    """
    if isinstance(value, list):
        return "_".join(map(label, value)) or "none"
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    text = str(value).replace(".", "p").replace("-", "m").replace("+", "")
    return text if isinstance(value, int | float) else OUTSIDE_NAMES.sub("_", str(value))


def _problems(name: str, swept: Swept) -> Iterator[str]:
    key = ".".join(["variants", str(name), "guidance", *swept.path])
    if not swept.values:
        yield f"{key}: the list is empty; give it the values of the sweep, or one value"
    kinds = (list,) if swept.path == (LAYERS,) else (int, float, str)
    for value in swept.values:
        if not isinstance(value, kinds) or isinstance(value, bool):
            yield f"{key}: {value!r} cannot be a value of a sweep; remove it"
    repeated = [v for i, v in enumerate(swept.values) if v in swept.values[:i]]
    if repeated:
        yield f"{key}: {label(repeated[0])} appears more than once; name it once"


def _points(name: str, entry: Mapping[str, Any], found: Sequence[Swept]) -> list[tuple[str, Any]]:
    """The variants of a sweep by name; a list, since two may have the same name."""
    points = []
    for values in product(*(swept.values for swept in found)):
        guidance = dict(entry["guidance"])
        title = name
        for swept, value in zip(found, values, strict=True):
            title += f"_{'_'.join(swept.path)}_{label(value)}"
            first, *rest = swept.path
            guidance[first] = {**guidance[first], rest[0]: value} if rest else value
        at = {".".join(s.path): value for s, value in zip(found, values, strict=True)}
        point = {"name": name, "values": at}
        points.append((title, {**entry, "guidance": guidance, "sweep": point}))
    return points


def _expanded(
    variants: Mapping[str, Any], made: Mapping[str, list[tuple[str, Any]]]
) -> tuple[dict[str, Any], list[str]]:
    """All variants in their order, and what is wrong with names that are there twice.

    An entry that says only why a variant is skipped may be about one that a sweep makes.
    """
    titles = {title for points in made.values() for title, _ in points}
    skips = {n: e for n, e in variants.items() if n in titles and n not in made and _is_skip(e)}
    found = {n: e for n, e in variants.items() if n not in made and n not in skips}
    problems = []
    for name, points in made.items():
        for title, point in points:
            if title in found or title in made:
                problems.append(
                    f"variants.{name}: its sweep makes a variant {title}, and there is another of that name; rename one of the two"
                )
            found[title] = {**point, **skips.get(title, {})}
    order = [
        title
        for name in variants
        if name not in skips
        for title in ([t for t, _ in made[name]] if name in made else [name])
    ]
    return {title: found[title] for title in order}, problems


def _is_skip(entry: object) -> bool:
    return isinstance(entry, dict) and entry.keys() == {"skipped"}


def _in_moe(moe: Mapping[str, Any], names: Mapping[str, list[str]]) -> dict[str, Any]:
    changed = dict(moe)
    for key in ("experts", "equal_budget"):
        if isinstance(moe.get(key), list):
            changed[key] = _all(moe[key], names)
    if isinstance(moe.get("comparisons"), list):
        changed["comparisons"] = [p for pair in moe["comparisons"] for p in _pairs(pair, names)]
    return changed


def _pairs(pair: object, names: Mapping[str, list[str]]) -> list[Any]:
    if not isinstance(pair, list):
        return [pair]
    return [list(points) for points in product(*(_all([name], names) for name in pair))]


def _all(listed: Sequence[Any], names: Mapping[str, list[str]]) -> list[Any]:
    return [
        each
        for name in listed
        for each in (names.get(name, [name]) if isinstance(name, str) else [name])
    ]
