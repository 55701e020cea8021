"""Damaged inputs of every kind that users and servers send: each must give a result or an error that names the sample or the file.

    python -m benchmarks.fuzz.run --out DIR [--inputs 2000] [--seed 1] [--kinds png,csv]

Every input is made from the seed and its number, and runs in a process of its own: over 20 seconds is a hang, over 2 GB too much
memory, any exception but ours a traceback. Inputs that fail are kept in ``DIR``; the table goes to the standard output, and the exit
code is 1 if anything was wrong.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections import Counter
from functools import partial
from pathlib import Path
from random import Random

from benchmarks.fuzz.guard import WRONG, Outcome, guarded
from benchmarks.fuzz.kinds import KINDS, Kind


def fuzz(kind: Kind, inputs: int, seed: int, out: Path) -> Counter[str]:
    """How often each outcome came."""
    counts: Counter[str] = Counter()
    for number in range(inputs):
        rng = Random(f"{seed} {kind.title} {number}")
        label, data = kind.pick(rng)
        with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as log:
            act = partial(kind.read, label, data, Path(folder))
            outcome = guarded(act, kind.names, Path(log) / "outcome")
        counts[outcome.word] += 1
        if outcome.word in WRONG:
            keep(out / f"{kind.slug}-{number}", data, outcome)
    return counts


def keep(file: Path, data: bytes, outcome: Outcome) -> None:
    """An input that went wrong, and how."""
    file.write_bytes(data)
    file.with_name(f"{file.name}.txt").write_text(f"{outcome.word}\n{outcome.message}\n")


def as_markdown(rows: dict[str, Counter[str]]) -> str:
    """A row per kind of input."""
    columns = ("result", "named", *WRONG)
    head = f"| input | inputs | {' | '.join(columns)} |\n|{' --- |' * (len(columns) + 2)}\n"
    lines = (
        f"| {name} | {counts.total():,} | {' | '.join(str(counts[c]) for c in columns)} |"
        for name, counts in rows.items()
    )
    return head + "\n".join(lines)


def main() -> int:
    """See the module's first lines."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--inputs", type=int, default=2_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--kinds", default=",".join(KINDS))
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    kinds = [KINDS[name] for name in options.kinds.split(",")]
    shares = sum(kind.share for kind in kinds)
    began, rows = time.perf_counter(), {}
    for kind in kinds:
        count = -(-options.inputs * kind.share // shares)
        rows[kind.title] = fuzz(kind, count, options.seed, options.out)
    print(as_markdown(rows))
    print(f"\n{time.perf_counter() - began:.0f} s")
    return int(any(counts[word] for counts in rows.values() for word in WRONG))


if __name__ == "__main__":
    raise SystemExit(main())
