"""The selection when some variants do not run: it leaves them out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


def narrowed_moe(
    moe: Mapping[str, Any], others: Sequence[str], kept: Sequence[str]
) -> tuple[dict[str, Any], str]:
    """``moe`` without variants that do not run, and what it lost in words. Names that do not exist stay, and are refused later.

    >>> narrowed_moe({"experts": ["hailuo", "vace", "phantom"]}, ["hailuo"], ["vace", "phantom"])
    ({'experts': ['vace', 'phantom']}, 'the experts hailuo')
    """
    changed, lost = dict(moe), []
    experts = _list(moe, "experts")
    if absent := [name for name in experts if name in others]:
        left = [name for name in experts if name not in others]
        changed["experts"] = left if len(left) > 1 else list(kept)
        instead = "" if len(left) > 1 else " (all variants that run take part)"
        lost.append(f"the experts {', '.join(absent)}{instead}")
    if moe.get("baseline") in others:
        changed["baseline"] = None
        lost.append(f"the baseline {moe['baseline']}")
    pairs = _list(moe, "comparisons")
    left = [p for p in pairs if not (isinstance(p, list) and any(name in others for name in p))]
    if len(left) < len(pairs):
        changed["comparisons"] = left
        lost.append(f"{len(pairs) - len(left)} of {len(pairs)} comparisons")
    draws = _list(moe, "equal_budget")
    if absent := [name for name in draws if name in others]:
        left = [name for name in draws if name not in others]
        changed["equal_budget"] = left if len(left) > 1 else []
        lost.append(f"{', '.join(absent)} in equal_budget")
    return changed, "; ".join(lost)


def _list(moe: Mapping[str, Any], key: str) -> list[Any]:
    value = moe.get(key)
    return value if isinstance(value, list) else []
