"""What the clips of a benchmark add up to: means with intervals, paired differences, and the tables of docs/mini.md."""

from __future__ import annotations

import pandas as pd

from tpige_kedro.metrics.statistics import bootstrap_interval, holm, paired_difference

TRUTH, DECODED = "rendered", "through the VAE"
COMPARISONS = [
    ("vace_pe", "vace"),
    ("vace_pe_ie", "vace_pe"),
    ("vace_pe_ge", "vace_pe"),
    ("vace_pe_ge", "vace_pe_cfg_matched"),
    ("vace_pe_cfg_matched", "vace_pe"),
    ("phantom_pe_ge", "phantom"),
]
LABELS = ["slice", "variant", "sample_id", "hides"]


def summarise(clips: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Mean, 95 % interval and n of every measure, per slice, variant and kind of role."""
    measures = clips.columns.drop(LABELS)
    groups = {"all": clips, "face-hiding": clips[clips["hides"]], "open": clips[~clips["hides"]]}
    out = []
    for roles, part in groups.items():
        for (slice_name, variant), rows in part.groupby(["slice", "variant"], sort=False):
            for measure in measures:
                i = bootstrap_interval(rows[measure].to_numpy(), seed)
                out.append((slice_name, variant, roles, measure, i.n, i.mean, i.low, i.high))
    return pd.DataFrame(
        out, columns=["slice", "variant", "roles", "measure", "n", "mean", "low", "high"]
    )


def compare(clips: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Paired differences of the comparisons that both variants are there for; Holm within each measure and slice."""
    measures = clips.columns.drop(LABELS)
    out = []
    for slice_name, part in clips.groupby("slice", sort=False):
        for measure in measures:
            wide = part.pivot(index="sample_id", columns="variant", values=measure)
            pairs = [(a, b) for a, b in COMPARISONS if a in wide and b in wide]
            found = [
                paired_difference(wide[a].to_numpy(), wide[b].to_numpy(), seed) for a, b in pairs
            ]
            corrected = holm([f.p for f in found])
            for (a, b), f, p in zip(pairs, found, corrected, strict=True):
                out.append((slice_name, measure, a, b, f.n, f.difference, f.low, f.high, f.p, p))
    columns = [
        "slice",
        "measure",
        "variant",
        "against",
        "n",
        "difference",
        "low",
        "high",
        "p",
        "p_holm",
    ]
    return pd.DataFrame(out, columns=columns)


def as_markdown(summary: pd.DataFrame) -> str:
    """The summary as the tables of docs/mini.md: a row per variant, means with intervals."""
    columns = [
        ("identity", "all"),
        ("face seen", "face-hiding"),
        ("role right", "all"),
        ("setting right", "all"),
        ("action right", "all"),
        ("gme_score", "all"),
        ("imaging_quality", "all"),
        ("overall", "all"),
    ]
    titles = [
        measure.replace("_", " ") + (f", {roles} roles" if roles != "all" else "")
        for measure, roles in columns
    ]
    lines = []
    for slice_name, part in summary.groupby("slice", sort=False):
        cells = part.set_index(["variant", "roles", "measure"])
        truth = cells.loc[(TRUTH, "all", "identity"), "mean"]
        lines += [
            f"**{slice_name}**, n = {int(part['n'].max())}",
            "",
            f"| variant | share of rendered | {' | '.join(titles)} |",
        ]
        lines.append("|---" * (len(columns) + 2) + "|")
        for variant in part["variant"].unique():
            share = cells.loc[(variant, "all", "identity"), "mean"] / truth
            values = [cells.loc[(variant, roles, measure)] for measure, roles in columns]
            shown = [f"{v['mean']:.3f} [{v['low']:.3f}, {v['high']:.3f}]" for v in values]
            lines.append(f"| {variant} | {share:.2f} | {' | '.join(shown)} |")
        lines.append("")
    return "\n".join(lines)
