"""The rows of benchmarks/clip_cost/run.py as a section of docs/performance.md. ``python -m benchmarks.clip_cost.table ROWS [SHARE]`` prints it."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from benchmarks.guidance_cost.rows import branch_counts, guided
from benchmarks.guidance_cost.table import table

Rows = list[dict[str, Any]]
STEPS = 50
PAPER = guided("t2v", reuse_every=5)
AROUND = ("text", "reference", "decode_float32")


def as_markdown(rows: Rows, missing: dict[str, str], share: float) -> str:
    """All tables; ``share`` of a clip's forwards is taken to be reused under the cache."""
    parts: list[str] = []
    for model in dict.fromkeys(row["model"] for row in rows):
        mine = {row["key"].removeprefix(f"{model} "): row for row in rows if row["model"] == model}
        first = next(iter(mine.values()))
        commits = ", ".join(dict.fromkeys(row["commit"] for row in mine.values()))
        rates = ", ".join(f"{k} {v / 1e12:.0f}" for k, v in first["rates"].items())
        where = f"{first['device']}; torch {first['torch']}, diffusers {first['diffusers']}; commit {commits}."
        parts += [f"### {model}", "", where, *rate_lines(rates), ""]
        parts += forwards(mine) + clips(model, mine, share) + around(mine)
    names = {row["key"] for row in rows}
    still = {key: why for key, why in missing.items() if key not in names}
    if still:
        parts += ["Not measured:", "", *(f"* {key}: {why}" for key, why in still.items()), ""]
    return "\n".join(parts)


def rate_lines(rates: str) -> list[str]:
    if not rates:
        return []
    return [
        f"The card's own matrix products, 8192 x 8192 x 8192: {rates} TFLOP/s; floors are counted from them."
    ]


def forwards(rows: dict[str, dict[str, Any]]) -> list[str]:
    """A forward of each configuration: seconds, how near its floor, error, memory, compiled graphs."""
    body = []
    for row in of(rows, "forward"):
        new = rows.get(f"{row['configuration']} graphs", {}).get("new_graphs")
        seconds = min(row["seconds"])
        floor = row["floor"]
        error = row["relative_error"]
        body.append(
            (
                row["configuration"],
                f"{seconds:.3f}",
                "-" if floor is None else f"{floor:.2f} ({100 * floor / seconds:.0f} %)",
                "-" if error is None else f"{100 * error:.2f} %",
                f"{row['weights_gib']:.1f}",
                shown(row["peak_gib"]),
                f"{row['warm_up']:.0f}",
                "eager" if not row["compiled"] else shown(new, 0),
            )
        )
    head = ("one forward", "seconds", "floor (share)", "off eager bf16", "weights GiB", "peak GiB")
    return table((*head, "warm-up s", "graphs after it"), body)


def clips(model: str, rows: dict[str, dict[str, Any]], share: float) -> list[str]:
    """Whole clips: of 50 steps counted from kinds of step, of 8 and 4 as made."""
    parts = rows.get("parts")
    body: list[tuple[Any, ...]] = []
    for row in of(rows, "steps"):
        if parts is None:
            break
        sampling = counted(row)
        kinds = kinds_of_step(row)
        body.append(
            (
                f"{row['configuration']}, 50 steps",
                f"first {len(row['steps'])} steps sampled, the rest counted",
                ", ".join(f"{n}: {s:.2f}" for n, s in sorted(kinds.items())),
                f"{sampling:.1f}",
                *total(sampling, parts),
            )
        )
        cached = rows.get(f"{row['configuration']} cache")
        if cached is not None:
            sampling = counted_with_cache(row, cached, share)
            body.append(
                (
                    f"{row['configuration']} + cache, 50 steps",
                    f"counted with {100 * share:.0f} % of the forwards reused",
                    ", ".join(f"{k} {v:.2f}" for k, v in reused(cached).items()),
                    f"{sampling:.1f}",
                    *total(sampling, parts),
                )
            )
    for row in of(rows, "clip"):
        text = parts["text"] if parts else 0.0
        mp4 = row["mp4"]
        whole = row["seconds"] + text + (mp4 or 0.0)
        guided = any("weak" in step for step in row["branches"])
        body.append(
            (
                f"{row['configuration']}, {row['total']} steps {'with' if guided else 'without'} GE",
                "made",
                f"{sum(row['steps']) / len(row['steps']):.2f} each",
                f"{sum(row['steps']):.1f}",
                f"{whole:.1f}",
                "not timed" if mp4 is None else f"{mp4:.1f}",
            )
        )
    head = (
        "one clip",
        "how",
        "seconds a step (by forwards)",
        "sampling",
        "whole clip",
        "of it mp4",
    )
    return table(head, body)


def around(rows: dict[str, dict[str, Any]]) -> list[str]:
    """What a clip takes beside sampling."""
    if "parts" not in rows:
        return []
    row = rows["parts"]
    names = {
        "text": "two prompts embedded, the encoder loaded",
        "reference": "one reference encoded, VAE in float32",
        "grey_clip_once": "the grey clip encoded, once a run",
        "decode_float32": "decoding, VAE in float32",
        "decode_bfloat16": "decoding, VAE in bfloat16",
        "mp4": "mp4",
    }
    body = [
        (
            words,
            "not timed" if row[key] is None else f"{row[key]:.2f}",
            shown(row.get(f"{key}_peak_gib")),
        )
        for key, words in names.items()
    ]
    return table(("beside sampling", "seconds", "peak GiB"), body)


def of(rows: dict[str, dict[str, Any]], what: str) -> Iterable[dict[str, Any]]:
    return [row for row in rows.values() if row["what"] == what]


def kinds_of_step(row: dict[str, Any]) -> dict[int, float]:
    """Mean seconds of a step by how many forwards it has."""
    kinds: dict[int, list[float]] = {}
    for branches, seconds in zip(row["branches"], row["steps"], strict=False):
        kinds.setdefault(len(branches), []).append(seconds)
    return {count: sum(values) / len(values) for count, values in kinds.items()}


def counted(row: dict[str, Any]) -> float:
    """Seconds of sampling 50 steps with ID-aware guidance, ``t2v`` and ``reuse_every: 5``."""
    kinds = kinds_of_step(row)
    return sum(kinds[count] for count in branch_counts(PAPER, STEPS))


def reused(cached: dict[str, Any]) -> dict[str, float]:
    """Seconds of a reused forward by its branch."""
    return dict(cached["reused"])


def counted_with_cache(row: dict[str, Any], cached: dict[str, Any], share: float) -> float:
    """The same where ``share`` of each branch's forwards take what a reused one takes."""
    computed, less = dict(cached["computed"]), reused(cached)
    kinds = kinds_of_step(row)
    expected = {
        branch: (1 - share) * computed[branch] + share * less[branch] for branch in computed
    }
    plain = {2: ("cond", "uncond"), 3: ("cond", "uncond", "weak")}
    timed = dict(row["forwards"])
    seconds = 0.0
    for count in branch_counts(PAPER, STEPS):
        rest = kinds[count] - sum(timed[branch] for branch in plain[count])
        seconds += sum(expected[branch] for branch in plain[count]) + max(rest, 0.0)
    return seconds


def total(sampling: float, parts: dict[str, Any]) -> tuple[str, str]:
    """The whole clip, and the mp4's share."""
    mp4 = parts["mp4"]
    whole = sampling + sum(parts[name] for name in AROUND) + (mp4 or 0.0)
    return f"{whole:.1f}", "not timed" if mp4 is None else f"{mp4:.1f}"


def shown(value: float | None, digits: int = 1) -> str:
    return "-" if value is None else f"{value:.{digits}f}"


if __name__ == "__main__":
    lines = Path(sys.argv[1]).read_text().splitlines()
    share = float(sys.argv[2]) if len(sys.argv) > 2 else 0.4
    print(as_markdown([json.loads(line) for line in lines], {}, share))
