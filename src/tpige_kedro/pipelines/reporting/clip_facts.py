"""How the clips of a variant were made, read from their records: once, and again when a clip changes."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

import pandas as pd

from tpige_kedro.datasets.items import Item
from tpige_kedro.execution.work import Job, Outcome, Result, Work, fingerprint

VERSION = 1  # raise it when other facts are gathered: records are then read again
OWN = ("seconds", "made", "seed")  # of each clip, also where all have the same
OF_RECORDS = ("prompt_source", "reference_source", "noise", "draw", "seed", "guidance")
OF_CLIPS = ("frames", "height", "width", "fps", "seconds")
TWICE = ("guidance", "height", "width", "num_frames", "device", "noise_seed")  # of a generator
LARGEST = 2**53  # larger integers lose digits in JavaScript

Facts = dict[str, Any]  # name -> text, number or truth value


def gather_clip_facts(sample_overview: pd.DataFrame, clips: Mapping[str, Item]) -> Work:
    """An item per variant: ``shared`` holds what all records of its clips say alike, ``clips`` the rest by sample."""
    people = dict(zip(sample_overview["sample_id"], sample_overview["person_id"], strict=True))
    by_variant: dict[str, dict[str, Item]] = {}
    for key, item in clips.items():
        variant, _, sample = key.partition("/")
        if sample in people:
            by_variant.setdefault(variant, {})[sample] = item
    jobs = [
        Job(
            variant,
            fingerprint(version=VERSION, clips=[(s, item.mark) for s, item in mine.items()]),
            mine,
            people=tuple(dict.fromkeys(people[sample] for sample in mine)),
        )
        for variant, mine in by_variant.items()
    ]
    return Work("clip_facts", jobs, _gather, {"type": __name__, "version": VERSION})


def _gather(todo: list[Job]) -> Iterator[tuple[Job, Outcome]]:
    for job in todo:
        try:
            facts = {sample: facts_of(item.record()) for sample, item in job.request.items()}
            yield job, Result(split(facts))
        except Exception as error:
            yield job, error


def facts_of(record: Mapping[str, Any]) -> Facts:
    """What a record says of the making of a clip, each under the name that the configuration has for it.

    Texts and paths of the user's samples are left out.

    >>> facts_of({"maker": {"name": "wan"}, "guidance": {"text_weight": 5.0}, "prompt": "A chef."})
    {'model': 'wan', 'guidance.text_weight': 5.0}
    """
    maker = dict(record.get("maker", {}))
    generator = {k: v for k, v in record.get("generator", {}).items() if k not in TWICE}
    if "generator" in record:  # says what became of the options
        maker.pop("options", None)
    found = {"model": maker.pop("name", None), "weights": maker.pop("source", None), **maker}
    found |= {name: record.get(name) for name in (*OF_RECORDS, *OF_CLIPS)}
    found |= {"generator": generator, **record.get("environment", {})}
    if "output" in record:
        seconds = record["output"]["mtime_ns"] // 1_000_000_000
        found["made"] = datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M UTC")
    return {name: _printed(value) for name, value in _flat(found) if value is not None}


def split(facts: Mapping[str, Facts]) -> dict[str, Any]:
    """The facts that all clips have alike, and what is left of each.

    >>> split({"s1": {"steps": 20, "seed": 1}, "s2": {"steps": 20, "seed": 2}})
    {'shared': {'steps': 20}, 'clips': {'s1': {'seed': 1}, 's2': {'seed': 2}}}
    """
    first = next(iter(facts.values()), {})
    shared = {
        name: value
        for name, value in first.items()
        if name not in OWN and all(name in f and f[name] == value for f in facts.values())
    }
    rest = {s: {n: v for n, v in f.items() if n not in shared} for s, f in facts.items()}
    return {"shared": shared, "clips": rest}


class Making(NamedTuple):
    """How the clips of a variant were made, in a line of a table."""

    variant: str
    model: str
    seconds: float  # median per clip; NaN where no record says it
    clips: int
    device: str
    commit: str
    made: str  # the first and the last day


def making_of(variant: str, facts: Mapping[str, Any]) -> Making:
    """The line of a variant from the value of its item."""
    clips = facts["clips"].values()
    seconds = [clip["seconds"] for clip in clips if "seconds" in clip]

    def all_of(name: str) -> list[str]:
        given = [str(f[name]) for f in (facts["shared"], *clips) if name in f]
        return sorted(set(given))

    days = [text[:10] for text in all_of("made")]
    return Making(
        variant,
        model=", ".join(all_of("model")),
        seconds=statistics.median(seconds) if seconds else float("nan"),
        clips=len(facts["clips"]),
        device=", ".join(all_of("device")),
        commit=", ".join(text[:10] for text in all_of("commit")),
        made=" to ".join(dict.fromkeys([days[0], days[-1]])) if days else "",
    )


def _flat(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Nested mappings, and lists of them, as dotted names."""
    for name, value in values.items():
        if isinstance(value, list) and value and all(isinstance(v, Mapping) for v in value):
            yield from _flat({str(i): v for i, v in enumerate(value, 1)}, f"{prefix}{name}.")
        elif isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def _printed(value: Any) -> str | float | bool:
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= LARGEST:
        return str(value)
    if isinstance(value, (bool, int, float, str)):
        return value
    return ", ".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)
