"""From the clips of benchmarks/ablation/run.py to the tables and plots of docs/evidence.md.

Run: ``PYTHONPATH=src python -m benchmarks.evidence.run`` (two cores, minutes). Reads ``clips_seed<k>.parquet`` and
``run_seed<k>.json`` in ``docs/evidence`` and writes there ``summary.csv.gz``, ``differences.csv.gz``, ``selection.csv.gz``, ``costs.csv.gz``, ``wording.csv.gz``,
``tables.md`` and the plots. What is not there is named and left out.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import pandas as pd

from benchmarks.evidence.costs import costs
from benchmarks.evidence.plots import draw_all
from benchmarks.evidence.records import Records, load, load_runs
from benchmarks.evidence.selection import select
from benchmarks.evidence.summary import compare, summarise
from benchmarks.evidence.tables import as_markdown
from benchmarks.evidence.wording import wording

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "evidence"
SEED = 0  # of the resamples
PACKED = {"method": "gzip", "mtime": 0}  # equal tables are equal files


def write(folder: Path, out: Path, seed: int = SEED) -> Records:
    """Read the records in ``folder``, write all tables and plots into ``out``."""
    begin = time.perf_counter()
    records = load(folder)
    tables: dict[str, pd.DataFrame] = {}
    steps = {
        "summary": lambda: summarise(records, seed),
        "differences": lambda: compare(records, seed),
        "selection": lambda: select(records, seed),
        "costs": lambda: costs(records, load_runs(folder), seed),
        "wording": lambda: wording(records, tables["differences"], seed),
    }
    out.mkdir(parents=True, exist_ok=True)
    for name, make in steps.items():
        tables[name] = make()
        tables[name].to_csv(
            out / f"{name}.csv.gz", index=False, float_format="%.5g", compression=PACKED
        )
        lines, seconds = len(tables[name]), time.perf_counter() - begin
        print(f"{name}.csv.gz: {lines} lines, {seconds:.0f} s so far", flush=True)
    (out / "tables.md").write_text(as_markdown(records, **tables))
    draw_all(out, **{name: tables[name] for name in tables if name != "wording"})
    return records


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--records", type=Path, default=FOLDER, help="where the clips' records are")
    parser.add_argument("--out", type=Path, help="where to write; default: beside the records")
    options = parser.parse_args()
    write(options.records, options.out or options.records)


if __name__ == "__main__":
    main()
