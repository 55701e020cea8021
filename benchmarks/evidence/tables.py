"""The tables of docs/evidence.md as Markdown, from the summaries."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from benchmarks.ablation.rows import MAIN, TRUTH
from benchmarks.evidence.claims import Claim, Finding, conclusion, findings
from benchmarks.evidence.costs import SCHEDULES, STEPS, recommendation
from benchmarks.evidence.markdown import (
    COMPARED,
    DASH,
    compared_table,
    folded,
    mean_table,
    p_text,
    shown,
    title,
)
from benchmarks.evidence.records import ALL, ALL_RIGHT, HIDING, OPEN, POOLED, WHEN_SEEN, Records
from benchmarks.evidence.selection import DRAWS
from benchmarks.evidence.sentences import CLAIMS, QUESTIONS
from benchmarks.evidence.summary import MAIN_COMPARISONS, REFERENCES
from benchmarks.guidance_cost.table import table

JUDGED = [
    *("identity", "identity when seen", "face seen", "text match", "role right"),
    *("setting right", "action right", "attributes right", WHEN_SEEN, ALL_RIGHT),
    *("identity, other portrait", "identity spread"),
]
SCORED = [
    *("gme_score", "cur_score", "arc_score", "face_feature_sqdist", "face_rate"),
    *("motion_smoothness", "motion_amplitude", "flicker", "imaging_quality", "overall"),
]
SWEEP_COLUMNS = [m for m in COMPARED if m != "overall"]
WITHIN = {"people": "unseen people", "combinations": "unseen combinations"}


def as_markdown(
    records: Records,
    summary: pd.DataFrame,
    differences: pd.DataFrame,
    selection: pd.DataFrame,
    costs: pd.DataFrame,
    wording: pd.DataFrame,
) -> str:
    """All tables, the verdicts first."""
    lines = ["<!-- made by benchmarks/evidence/run.py -->", ""]
    lines += ["## The paper's section 4.5", "", *verdicts(CLAIMS, differences, selection)]
    lines += ["## Further questions", "", *verdicts(QUESTIONS, differences, selection)]
    lines += ["## Main rows", "", *main_tables(records, summary)]
    lines += ["## Paired differences", "", *difference_tables(differences)]
    lines += ["## Selection", "", *selection_tables(selection)]
    lines += ["## Schedules", "", *cost_tables(costs)]
    lines += ["## What limits the wording", "", *wording_table(wording)]
    lines += ["## Sweeps", "", *sweep_tables(records, summary, differences)]
    if records.notes:
        lines += ["## Left out", "", *(f"* {note}" for note in records.notes), ""]
    return "\n".join(lines)


def main_tables(records: Records, summary: pd.DataFrame) -> list[str]:
    """Pooled; each slice; each training seed; how far the seeds lie apart. The draws are left to the CSV file."""
    mains = summary[(summary["family"] == MAIN) & ~summary["row"].isin(DRAWS[1:])]
    if not len(mains):
        return ["No main row has clips.", ""]
    rows = list(dict.fromkeys(mains["row"]))
    pooled = mains[mains["seed"] == POOLED]
    everything = pooled[pooled["slice"] == ALL]
    n, seeds = int(everything["n"].max()), len(records.seeds)
    lines = [f"n = {n} samples, {pooled_over(seeds)}.", ""]
    lines += two_tables(everything, rows)
    for name, words in {**WITHIN, HIDING: "roles that may hide the face"}.items():
        part = pooled[pooled["slice"] == name]
        if len(part):
            lines += folded(f"{words}, n = {int(part['n'].max())}", two_tables(part, rows))
    for seed in map(str, records.seeds):
        part = mains[(mains["seed"] == seed) & (mains["slice"] == ALL)]
        if len(part):
            lines += folded(f"training seed {seed}", two_tables(part, rows))
    if seeds > 1:
        lines += folded("spread of the training seeds", spread_table(everything, rows))
    return lines


def pooled_over(seeds: int) -> str:
    """Over how many training seeds a table is pooled."""
    return f"pooled over {seeds} training seed{'s' * (seeds != 1)}"


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
    return table(("row", *(f"{title(m)}: sd [least, largest]" for m in measures)), body)


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
    for name, words in {**WITHIN, OPEN: "roles that hide no face"}.items():
        part = differences[(differences["slice"] == name) & (differences["seed"] == POOLED)]
        if len(part):
            lines += folded(words, compared_table(part, MAIN_COMPARISONS))
    return lines


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
    for kind, words in titles.items():
        part = compared[compared["kind"] == kind]
        head = (words, "chosen by", "measure", "n", "difference", "p (Holm)")
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
    lines = []
    for family, whole in SCHEDULES.items():
        lines += [f"Share of the identity gain of `{whole}`.", ""]
        lines += [sentence for text in recommendation(costs, family) for sentence in (text, "")]
        lines += table(head, cost_lines(pooled[pooled["family"] == family]))
    others = pooled[~pooled["family"].isin(SCHEDULES)]
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


def wording_table(wording: pd.DataFrame) -> list[str]:
    """A line per number of evidence_wording.py."""
    return table(
        ("about", "what", "measure", "n", "value"),
        [
            (w.about, w.what, title(w.measure), int(w.n), shown(w.value, w.low, w.high))
            for w in wording.itertuples()
        ],
    )


def sweep_tables(records: Records, summary: pd.DataFrame, differences: pd.DataFrame) -> list[str]:
    """Per sweep the means on the samples that all its rows have, and the differences from its reference."""
    lines = []
    for family in records.families():
        part = summary[(summary["family"] == family) & (summary["seed"] == POOLED)]
        if not len(part):
            continue
        rows = list(dict.fromkeys(part["row"]))
        against = ", ".join(REFERENCES[family]).replace("wc_{}", "the same W_c alone")
        n, seeds = int(part["n"].max()), int(part["seeds"].max())
        lines += [f"### {family}", "", f"n = {n}, {pooled_over(seeds)}.", ""]
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
        return f"{title(found.measure)}: no data"
    over = "" if once or not found.against else f" against {found.against}"
    torn = " (seeds differ in sign)" if i.torn and not i.low <= 0 <= i.high else ""
    number = shown(i.difference, i.low, i.high, signed=bool(found.against))
    return f"{title(found.measure)} {number}{over}{torn}"
