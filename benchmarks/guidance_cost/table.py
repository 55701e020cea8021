"""The rows of benchmarks/guidance_cost/run.py as the tables of docs/performance.md."""

from __future__ import annotations

from typing import Any

from benchmarks.guidance_cost.rows import CFG, FORMS, STEPS, branch_counts, guided
from tpige_kedro.schemas import Guidance, Schedule

Rows = list[dict[str, Any]]
SCHEDULES: dict[str, dict[str, Any]] = {
    "every step": {},
    "window [0, 0.3)": {"identity_schedule": Schedule(stop=0.3)},
    "window [0.3, 0.6)": {"identity_schedule": Schedule(start=0.3, stop=0.6)},
    "window [0, 0.5)": {"identity_schedule": Schedule(stop=0.5)},
    "reuse_every 2": {"reuse_every": 2},
    "reuse_every 4": {"reuse_every": 4},
    "reuse_every 5": {"reuse_every": 5},
}


def as_markdown(done: Rows, missing: dict[str, str]) -> str:
    """All tables of all models; what was not measured is named with its reason."""
    parts = []
    for model in dict.fromkeys(row["model"] for row in done):
        parts += [f"### {model}", "", *model_tables([r for r in done if r["model"] == model])]
    still = {key: reason for key, reason in missing.items() if key not in {r["key"] for r in done}}
    if still:
        parts += ["Not measured:", "", *(f"* {key}: {why}" for key, why in still.items()), ""]
    return "\n".join(parts)


def model_tables(rows: Rows) -> list[str]:
    """Where it was measured, then forwards, steps, schedules and runs."""
    first = rows[0]
    about = ", ".join(
        f"{name} {value}"
        for name, value in (
            ("torch", first["torch"]),
            ("cuDNN", first["cudnn"]),
            ("diffusers", first["diffusers"]),
        )
        if value is not None
    )
    commits = ", ".join(dict.fromkeys(row["commit"] for row in rows))
    lines = [f"{first['device']}; {about}; commit {commits}.", ""]
    lines += table(
        ("one forward", "attention", "seconds", "peak GiB"),
        [
            (r["mode"], r["backend"], f"{mean(r):.3f}", shown(r["peak_gib"]))
            for r in rows
            if r["what"] == "forward"
        ],
    )
    kinds = step_seconds(rows)
    if "CFG" not in kinds:
        return lines
    lines += table(
        ("one step", "forwards", "seconds", "x CFG", "peak GiB", "graphs compiled after warm-up"),
        [
            (
                r["label"],
                r["forwards"][-1],
                f"{mean(r):.3f}",
                f"{mean(r) / kinds['CFG']:.3f}",
                shown(r["peak_gib"]),
                r["new_graphs"] if r["mode"] == "compiled" else "eager",
            )
            for r in rows
            if r["what"] == "step"
        ],
    )
    forms = [form for form in FORMS if f"GE {form}" in kinds]
    lines += table(
        (f"{STEPS} steps, x CFG, computed", *forms),
        [
            (name, *(f"{over_cfg(guided(form, **settings), kinds):.3f}" for form in forms))
            for name, settings in SCHEDULES.items()
        ],
    )
    return lines + table(
        (
            "sampled run",
            "steps",
            "forwards",
            "seconds",
            "sum of its kinds of step",
            "off by",
            "x CFG",
        ),
        [run_row(r, kinds) for r in rows if r["what"] == "run"],
    )


def run_row(row: dict[str, Any], kinds: dict[str, float]) -> tuple[Any, ...]:
    """A sampled run beside what its kinds of step add up to."""
    measured, steps = sum(row["seconds"]), len(row["seconds"])
    guidance = Guidance.model_validate(row["guidance"])
    of = f"{steps}" if steps == row["total"] else f"first {steps} of {row['total']}"
    ratio = measured / (steps * kinds["CFG"])
    if guidance.identity_weight > 0 and f"GE {guidance.weak_branch}" not in kinds:
        return (row["label"], of, sum(row["forwards"]), f"{measured:.2f}", "-", "-", f"{ratio:.3f}")
    expected = sum(costs(guidance, row["total"], kinds)[:steps])
    off = f"{100 * (measured / expected - 1):+.1f} %"
    return (
        row["label"],
        of,
        sum(row["forwards"]),
        f"{measured:.2f}",
        f"{expected:.2f}",
        off,
        f"{ratio:.3f}",
    )


def over_cfg(guidance: Guidance, kinds: dict[str, float]) -> float:
    """What a run of STEPS costs, in runs with text guidance alone."""
    return sum(costs(guidance, STEPS, kinds)) / (STEPS * kinds["CFG"])


def costs(guidance: Guidance, total: int, kinds: dict[str, float]) -> list[float]:
    """Seconds of each step of a run: those of a CFG step, or of one with the weak branch, as the guider needs them."""
    (plain,) = branch_counts(CFG, 1)
    weak = f"GE {guidance.weak_branch}"
    return [
        kinds["CFG"] if count == plain else kinds[weak] for count in branch_counts(guidance, total)
    ]


def step_seconds(rows: Rows) -> dict[str, float]:
    """Mean seconds of each kind of step."""
    return {r["label"]: mean(r) for r in rows if r["what"] == "step"}


def mean(row: dict[str, Any]) -> float:
    return float(sum(row["seconds"]) / len(row["seconds"]))


def shown(gib: float | None) -> str:
    return "-" if gib is None else f"{gib:.1f}"


def table(head: tuple[Any, ...], body: list[tuple[Any, ...]]) -> list[str]:
    """Markdown, or nothing if there are no rows."""
    if not body:
        return []
    lines = [head, ("---",) * len(head), *body]
    return [*("| " + " | ".join(map(str, line)) + " |" for line in lines), ""]
