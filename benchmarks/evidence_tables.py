"""The tables of docs/evidence.md as Markdown, from the summaries."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pandas as pd

from ablation_rows import MAIN
from evidence_claims import CLAIMS, QUESTIONS, Claim, Finding, conclusion, findings
from evidence_costs import SCHEDULES, STEPS, recommendation
from evidence_records import ALL, HIDING, POOLED, Records
from evidence_selection import DRAWS
from evidence_summary import MAIN_COMPARISONS, REFERENCES
from guidance_table import table
from mini_tables import TRUTH

JUDGED = [
    *("identity", "identity when seen", "face seen", "text match", "role right"),
    *("setting right", "action right", "attributes right"),
]
SCORED = [
    *("gme_score", "cur_score", "arc_score", "face_feature_sqdist", "face_rate"),
    *("motion_smoothness", "imaging_quality", "overall"),
]
SWEEP_COLUMNS = ["identity", "identity when seen", "text match", "gme_score", "imaging_quality"]
COMPARED = [*SWEEP_COLUMNS, "overall"]
DASH = "–"
WITHIN = {"people": "unseen people", "combinations": "unseen combinations"}


def as_markdown(
    records: Records,
    summary: pd.DataFrame,
    differences: pd.DataFrame,
    selection: pd.DataFrame,
    costs: pd.DataFrame,
) -> str:
    """All tables, the verdicts first."""
    lines = ["<!-- made by benchmarks/evidence.py -->", ""]
    lines += ["## The paper's section 4.5", "", *verdicts(CLAIMS, differences, selection)]
    lines += ["## Further questions", "", *verdicts(QUESTIONS, differences, selection)]
    lines += ["## Main rows", "", *main_tables(records, summary)]
    lines += ["## Paired differences", "", *difference_tables(differences)]
    lines += ["## Selection", "", *selection_tables(selection)]
    lines += ["## Schedules", "", *cost_tables(costs)]
    lines += ["## Sweeps", "", *sweep_tables(records, summary, differences)]
    if records.notes:
        lines += ["## Left out", "", *(f"* {note}" for note in records.notes), ""]
    return "\n".join(lines)


def shown(mean: float, low: float, high: float, *, signed: bool = False) -> str:
    """0.613 [0.600, 0.626], with as many decimals as the interval warrants; a dash without a value."""
    if not np.isfinite(mean):
        return DASH
    known = np.isfinite(low) and np.isfinite(high)
    half = (high - low) / 2 if known else 0.0
    least = 1 if max(abs(mean), half) >= 10 else 3
    decimals = max(least, min(5, math.ceil(-math.log10(half)))) if half > 0 else least
    text = f"{mean:{'+' if signed else ''}.{decimals}f}"
    if known:
        text += f" [{low:.{decimals}f}, {high:.{decimals}f}]"
    return text.replace("-", "−")


def p_text(p: float) -> str:
    return DASH if not np.isfinite(p) else "< .001" if p < 0.001 else f"{p:.3f}"


def folded(title: str, lines: Iterable[str]) -> list[str]:
    """Lines that the page shows when asked to."""
    return ["<details>", f"<summary>{title}</summary>", "", *lines, "</details>", ""]


def mean_table(
    part: pd.DataFrame,
    rows: Sequence[str],
    columns: Sequence[str],
    share: Mapping[str, str] | None = None,
) -> list[str]:
    """A line per row and a column per measure, means with intervals; ``share`` of rendered in front, if given."""
    cells = part.set_index(["row", "measure"])
    columns = [c for c in columns if c in set(part["measure"])]
    first = ("share of rendered",) if share else ()
    body = [
        (
            name,
            *((share.get(name, DASH),) if share else ()),
            *(_cell(cells, name, measure) for measure in columns),
        )
        for name in rows
        if name in set(part["row"])
    ]
    return table(("row", *first, *(_title(c) for c in columns)), body)


def _cell(cells: pd.DataFrame, row: str, measure: str) -> str:
    if (row, measure) not in cells.index:
        return DASH
    return shown(*cells.loc[(row, measure), ["mean", "low", "high"]])


def _title(measure: str) -> str:
    return {"face_feature_sqdist": '"FID" ↓'}.get(measure, measure.replace("_", " "))


def main_tables(records: Records, summary: pd.DataFrame) -> list[str]:
    """Pooled; each slice; each training seed; how far the seeds lie apart. The draws are left to the CSV file."""
    mains = summary[(summary["family"] == MAIN) & ~summary["row"].isin(DRAWS[1:])]
    if not len(mains):
        return ["No main row has clips.", ""]
    rows = list(dict.fromkeys(mains["row"]))
    pooled = mains[mains["seed"] == POOLED]
    everything = pooled[pooled["slice"] == ALL]
    n, seeds = int(everything["n"].max()), len(records.seeds)
    lines = [f"Pooled over {seeds} training seed{'s' * (seeds > 1)}, n = {n} samples.", ""]
    lines += two_tables(everything, rows)
    for name, title in {**WITHIN, HIDING: "roles that may hide the face"}.items():
        part = pooled[pooled["slice"] == name]
        if len(part):
            lines += folded(f"{title}, n = {int(part['n'].max())}", two_tables(part, rows))
    for seed in map(str, records.seeds):
        part = mains[(mains["seed"] == seed) & (mains["slice"] == ALL)]
        if len(part):
            lines += folded(f"training seed {seed}", two_tables(part, rows))
    if seeds > 1:
        lines += folded("spread of the training seeds", spread_table(everything, rows))
    return lines


def two_tables(part: pd.DataFrame, rows: Sequence[str]) -> list[str]:
    """What the judge says, identity also as a share of that of rendered clips, and what the scorers of the run say."""
    means = part[part["measure"] == "identity"].set_index("row")["mean"]
    whole = means.get(TRUTH, 0.0)
    share = {row: f"{means[row] / whole:.2f}" for row in means.index} if whole > 0 else None
    lines = ["The independent judge:", "", *mean_table(part, rows, JUDGED, share)]
    return [*lines, "The scorers of the run:", "", *mean_table(part, rows, SCORED)]


def spread_table(pooled: pd.DataFrame, rows: Sequence[str]) -> list[str]:
    """Standard deviation, least and largest of the training seeds' means."""
    measures = [m for m in COMPARED if m in set(pooled["measure"])]
    cells = pooled.set_index(["row", "measure"])
    body = [
        (
            row,
            *(_spread(cells.loc[(row, m)]) if (row, m) in cells.index else DASH for m in measures),
        )
        for row in rows
    ]
    return table(("row", *(f"{_title(m)}: sd [least, largest]" for m in measures)), body)


def _spread(found: pd.Series) -> str:
    return shown(found["seeds_sd"], found["seeds_min"], found["seeds_max"])


def difference_tables(differences: pd.DataFrame) -> list[str]:
    """The main comparisons, pooled, with p after Holm's correction within each measure."""
    mains = differences[(differences["family"] == MAIN) & (differences["slice"] == ALL)]
    pooled = mains[mains["seed"] == POOLED]
    lines = compared_table(pooled, MAIN_COMPARISONS)
    for seed in dict.fromkeys(mains["seed"]):
        if seed != POOLED and len(set(mains["seed"])) > 2:
            part = mains[mains["seed"] == seed]
            lines += folded(f"training seed {seed}", compared_table(part, MAIN_COMPARISONS))
    for name, title in WITHIN.items():
        part = differences[(differences["slice"] == name) & (differences["seed"] == POOLED)]
        if len(part):
            lines += folded(title, compared_table(part, MAIN_COMPARISONS))
    return lines


def compared_table(part: pd.DataFrame, pairs: Iterable[tuple[str, str]]) -> list[str]:
    """A line per comparison: n, and per measure difference, interval and corrected p."""
    measures = [m for m in COMPARED if m in set(part["measure"])]
    by_pair = {key: rows.set_index("measure") for key, rows in part.groupby(["row", "against"])}
    body = []
    for a, b in pairs:
        if (a, b) not in by_pair:
            continue
        found = by_pair[a, b]
        cells = [
            f"{shown(*found.loc[m, ['difference', 'low', 'high']], signed=True)}, p {p_text(found.loc[m, 'p_holm'])}"
            if m in found.index
            else DASH
            for m in measures
        ]
        body.append((f"{a} − {b}", int(found["n"].max()), *cells))
    return table(("difference", "n", *map(_title, measures)), body)


def selection_tables(selection: pd.DataFrame) -> list[str]:
    """Win shares, then the selection against its best expert and against the best draw."""
    pooled = selection[selection["seed"] == POOLED]
    if not len(pooled):
        return ["Too few experts have clips.", ""]
    wins = pooled[pooled["what"] == "win share"]
    lines = table(
        ("expert", "share of the samples it wins", "least and largest of the seeds"),
        [
            (w.row, shown(w.value, w.low, w.high), f"{w.seeds_min:.3f}, {w.seeds_max:.3f}")
            for w in wins.itertuples()
        ],
    )
    compared = pooled[~pooled["what"].isin(("win share", "mean"))]
    titles = {
        "left out": "By the metric that the choice left out",
        "independent": "By the judge that no choice looked at",
        "seen": "By what the choice was made by (gains here prove nothing)",
    }
    for kind, title in titles.items():
        part = compared[compared["kind"] == kind]
        head = (title, "chosen by", "measure", "n", "difference", "p (Holm)")
        lines += table(
            head,
            [
                (
                    f"{r.row} − {r.against}",
                    r.chosen_by,
                    r.measure,
                    int(r.n),
                    shown(r.value, r.low, r.high, signed=True),
                    p_text(r.p_holm),
                )
                for r in part.sort_values("what", kind="stable").itertuples()
            ],
        )
    return lines


def cost_tables(costs: pd.DataFrame) -> list[str]:
    """What the schedules cost and keep, and what that recommends; then what every other form costs."""
    pooled = costs[costs["seed"] == POOLED]
    head = ("row", "weak forwards of 20 steps", "x CFG, FLOPs", "x CFG, seconds", "of 50 steps")
    head = (*head, "x CFG, FLOPs", "x CFG, seconds", "identity kept")
    lines = [sentence for text in recommendation(costs) for sentence in (text, "")]
    schedules = pooled[pooled["family"] == SCHEDULES]
    lines += table(head, cost_lines(schedules))
    others = pooled[pooled["family"] != SCHEDULES]
    return lines + folded(
        "every other row of VACE", table(head[:-1], [c[:-1] for c in cost_lines(others)])
    )


def cost_lines(costs: pd.DataFrame) -> list[tuple[str, ...]]:
    """One line per row: both numbers of steps, and the share of the identity gain kept."""
    out = []
    for name, part in costs.groupby("row", sort=False):
        by_steps = part.set_index("steps")
        cells: list[str] = []
        for steps in STEPS:
            c = by_steps.loc[steps]
            cells += [f"{c['weak']:.0f}", f"{c['x_cfg_flops']:.3f}", f"{c['x_cfg_seconds']:.3f}"]
        kept = by_steps.loc[STEPS[0], ["identity_kept", "low", "high"]]
        out.append((str(name), *cells, shown(*kept)))
    return out


def sweep_tables(records: Records, summary: pd.DataFrame, differences: pd.DataFrame) -> list[str]:
    """Per sweep the means on the samples that all its rows have, and the differences from its reference."""
    lines = []
    for family in records.families():
        part = summary[(summary["family"] == family) & (summary["seed"] == POOLED)]
        if not len(part):
            continue
        rows = list(dict.fromkeys(part["row"]))
        against = ", ".join(REFERENCES[family]).replace("wc_{}", "the same W_c alone")
        lines += [f"### {family}", "", f"n = {int(part['n'].max())}, pooled.", ""]
        lines += mean_table(part, rows, SWEEP_COLUMNS)
        found = differences[(differences["family"] == family) & (differences["seed"] == POOLED)]
        pairs = list(dict.fromkeys(zip(found["row"], found["against"], strict=True)))
        lines += folded(f"differences from {against}", compared_table(found, pairs))
    return lines


def verdicts(
    claims: Sequence[Claim], differences: pd.DataFrame, selection: pd.DataFrame
) -> list[str]:
    """A line per sentence: what the numbers say of it, by the rule of evidence_claims.py."""
    body = []
    for claim in claims:
        found = findings(claim, differences, selection)
        body.append((claim.sentence, conclusion(found), _numbers(found) or claim.why))
    return table(("said", "verdict", "number"), body)


def _numbers(found: Sequence[Finding]) -> str:
    """The numbers of a claim; what they are against is said once if it is the same for all."""
    against = dict.fromkeys(f.against for f in found if f.interval is not None)
    once = len(against) == 1
    text = "; ".join(_finding(f, once) for f in found)
    return f"{text}, against {next(iter(against))}" if once and next(iter(against)) else text


def _finding(found: Finding, once: bool) -> str:
    i = found.interval
    if i is None:
        return f"{_title(found.measure)}: no data"
    over = "" if once or not found.against else f" against {found.against}"
    torn = " (seeds differ in sign)" if i.torn and not i.low <= 0 <= i.high else ""
    number = shown(i.difference, i.low, i.high, signed=bool(found.against))
    return f"{_title(found.measure)} {number}{over}{torn}"
