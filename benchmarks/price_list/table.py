"""The price list as Markdown and as a plot: likeness of the mini models' rows against seconds of VACE-14B.

Run: ``PYTHONPATH=src python -m benchmarks.price_list.table DIR [--plot FILE]``; DIR holds what ``run.py`` left or ``pack.py`` packed
(``docs/evidence/price_list``). Prints the tables and writes ``DIR/prices.md``.
Differences are of clips of one pair, with 95 % bootstrap intervals over the pairs. What is chosen is chosen on one half of the pairs and
reported on the other; either half has as many pairs of each slice and each kind of role.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.evidence.markdown import shown, title
from benchmarks.evidence.statistics import Array, Means, intervals
from benchmarks.guidance_cost.table import table
from benchmarks.price_list.cost import Seconds, reused_shares
from benchmarks.price_list.rows import ROWS

SEED = 0  # of the resamples
LIKENESS = "identity"
COMPARED = (LIKENESS, "text match", "imaging_quality", "motion_amplitude", "flicker")
FACE, MOST = "face seen", 0.5  # share of the frames
GROUP = 4  # pairs of a slice in turn: two kinds of role, twice


@dataclass(frozen=True)
class Found:
    """A finished run: clips (pairs x measure x row), what was counted of each row, and seconds of a clip at full size."""

    clips: pd.DataFrame
    about: Mapping[str, Mapping[str, Any]]
    seconds: Mapping[str, float]

    @classmethod
    def load(cls, folder: Path, seconds: Seconds) -> Found:
        """Of the folder of a run."""
        about = json.loads((folder / "rows.json").read_text())
        about = {name: about[name] for name in ROWS if name in about}
        packed = folder / "clips.parquet"
        clips = pd.read_parquet(packed) if packed.exists() else pd.read_csv(folder / "clips.csv")
        wide = clips.pivot(index="sample_id", columns="row").sort_index()
        priced = {n: seconds.clip(ROWS[n], reused_shares(row)) for n, row in about.items()}
        return cls(wide, about, priced)

    @property
    def rows(self) -> list[str]:
        """In the order of the list."""
        return list(self.about)

    def half(self, second: bool) -> Found:
        """The first or the second half of the pairs."""
        number = self.clips.index.str.extract(r"(\d+)$")[0].astype(int).to_numpy()
        return Found(self.clips[(number % GROUP >= GROUP // 2) == second], self.about, self.seconds)

    def values(self, measure: str, row: str) -> Array:
        """Of each pair."""
        return self.clips[measure][row].to_numpy(float)

    def means(self, measure: str, rows: Sequence[str]) -> Means:
        """Of rows, with intervals."""
        return intervals(np.column_stack([self.values(measure, row) for row in rows]), SEED)

    def difference(
        self, measure: str, row: str, other: str, *, face: bool = False
    ) -> tuple[float, float, float]:
        """The mean of the paired differences, and its interval; ``face``: of the pairs of which both rows show the face.

        A clip that shows no face has no likeness. Three of 344 decide the first digit of a small difference.
        """
        apart = self.values(measure, row) - self.values(measure, other)
        if face:
            seen = [self.values(FACE, name) > MOST for name in (row, other)]
            apart = np.where(seen[0] & seen[1], apart, np.nan)
        found = intervals(apart[:, None], SEED)
        return float(found.mean[0]), float(found.low[0]), float(found.high[0])

    def front(self, rows: Sequence[str]) -> list[str]:
        """Of some rows, those to which none is both faster and more like, the fastest first."""
        best, kept = -np.inf, []
        means = {row: float(np.nanmean(self.values(LIKENESS, row))) for row in rows}
        for row in sorted(rows, key=lambda r: (self.seconds[r], -means[r])):
            if means[row] > best:
                best = means[row]
                kept.append(row)
        return kept

    @property
    def long(self) -> list[str]:
        """The rows that stand for 50 steps."""
        return [name for name in self.rows if not ROWS[name].is_short]


def as_markdown(found: Found) -> str:
    """All tables."""
    parts = [
        about(found),
        "",
        *differences(found),
        *fronts(found),
        *few_steps(found),
        *means(found),
    ]
    return "\n".join(parts) + "\n"


def about(found: Found) -> str:
    """How many pairs, on what."""
    first = found.about[found.rows[0]]
    return f"n = {len(found.clips)} pairs, {len(found.rows)} rows; mini models: {first['device']}, torch {first['torch']}."


def differences(found: Found) -> list[str]:
    """Seconds of each row, and what it changes compared with the exact row of the same guidance."""
    exact, body = found.seconds.get("cfg", np.nan), list[tuple[str, ...]]()
    for name in found.rows:
        seconds, other = found.seconds[name], ROWS[name].exact
        known = other in found.about
        changes = [
            shown(*found.difference(m, name, other, face=face), signed=True) if known else ""
            for m, face in (
                (LIKENESS, False),
                (LIKENESS, True),
                *((m, False) for m in COMPARED[1:]),
            )
        ]
        body.append(
            (
                f"`{name}`",
                f"{seconds:.0f}",
                f"{seconds / exact:.2f}",
                reused(found, name),
                other,
                *changes,
            )
        )
    head = (
        "row",
        "s a clip of 14B",
        "× exact CFG",
        "reused",
        "compared with",
        LIKENESS,
        "both show the face",
        *map(title, COMPARED[1:]),
    )
    return table(head, body)


def reused(found: Found, name: str) -> str:
    """The share of a row's forwards that its cache reused."""
    row = found.about[name]
    share = sum(row["reused"].values()) / sum(row["forwards"].values())
    return f"{share:.0%}" if "cache" in ROWS[name].options else ""


def fronts(found: Found) -> list[str]:
    """The Pareto front of all rows, and that of the rows with all steps."""
    halves = [len(found.half(second).clips) for second in (False, True)]
    said = f"Chosen by one half of the pairs ({halves[0]}), reported on the other ({halves[1]}):"
    return [
        said,
        "",
        *front(found, "Pareto front, all rows", found.rows),
        *front(found, "Pareto front, 50 steps", found.long),
    ]


def front(found: Found, heading: str, rows: Sequence[str]) -> list[str]:
    """The Pareto front of one half of the pairs, as the other half sees it."""
    first, second = found.half(False), found.half(True)
    again, body = set(second.front(rows)), list[tuple[str, ...]]()
    for name in first.front(rows):
        chosen = f"{np.nanmean(first.values(LIKENESS, name)):.3f}"
        mean = second.means(LIKENESS, [name])
        reported = shown(*(float(x[0]) for x in (mean.mean, mean.low, mean.high)))
        apart = [
            shown(*second.difference(LIKENESS, name, other), signed=True)
            if other in found.about and other != name
            else ""
            for other in ("cfg", "ge")
        ]
        on = "yes" if name in again else "no"
        body.append((f"`{name}`", f"{found.seconds[name]:.0f}", chosen, reported, *apart, on))
    head = (heading, "s a clip of 14B", "likeness, half that chose", "likeness, other half")
    return table((*head, "− exact CFG", "− exact GE", "on its front too"), body)


def few_steps(found: Found) -> list[str]:
    """What the identity term adds to the same few steps without it; the best schedule is chosen on one half."""
    first, second, body = found.half(False), found.half(True), list[tuple[str, ...]]()
    for control, names in by_control(found).items():
        best = max(names, key=lambda name: first.difference(LIKENESS, name, control)[0])
        for name in names:
            halves = [
                shown(*half.difference(LIKENESS, name, control), signed=True)
                for half in (found, first, second)
            ]
            others = [
                shown(*found.difference(m, name, control), signed=True)
                for m in ("text match", "imaging_quality")
            ]
            mark = "best" if name == best else ""
            body.append(
                (f"`{name}`", f"`{control}`", f"{found.seconds[name]:.0f}", *halves, mark, *others)
            )
    head = (
        "GE in few steps",
        "compared with",
        "s a clip of 14B",
        "identity",
        "half that chose",
        "other half",
        "chosen",
        "text match",
        "imaging quality",
    )
    return table(head, body) if body else []


def by_control(found: Found) -> dict[str, list[str]]:
    """Rows with the identity term by the row without."""
    groups: dict[str, list[str]] = {}
    for name in found.rows:
        if ROWS[name].unguided in found.about:
            groups.setdefault(ROWS[name].unguided, []).append(name)
    return groups


def means(found: Found) -> list[str]:
    """Means of all measures of all rows."""
    measures = list(dict.fromkeys(found.clips.columns.get_level_values(0)))
    of = [found.means(measure, found.rows) for measure in measures]
    body = [(f"`{name}`", *cells(of, i)) for i, name in enumerate(found.rows)]
    return table(("row", *map(title, measures)), body)


def cells(of: Sequence[Means], i: int) -> Iterator[str]:
    for each in of:
        yield shown(float(each.mean[i]), float(each.low[i]), float(each.high[i]))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--plot", type=Path, help="also draw this file")
    options = parser.parse_args()
    found = Found.load(options.folder, Seconds.load())
    text = as_markdown(found)
    (options.folder / "prices.md").write_text(text)
    print(text)
    if options.plot:
        from benchmarks.price_list.plot import draw

        draw(found, options.plot)


if __name__ == "__main__":
    main()
