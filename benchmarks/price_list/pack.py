"""Packs a finished run small: ``python -m benchmarks.price_list.pack DIR [--to FOLDER]``; ``table.py`` reads the folder as it reads DIR."""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

import pandas as pd

from benchmarks.ablation.collect import EVIDENCE, rounded

FOLDER = EVIDENCE / "price_list"
LABELS = ["sample_id", "row"]
BITS = 12  # of 23 that are zero: exact to 2.5e-4 of a clip's value, a tenth of the narrowest interval of a mean


def pack(folder: Path, to: Path) -> int:
    """Write clips and counts of ``folder`` into ``to``; returns how many clips there are."""
    clips = pd.read_csv(folder / "clips.csv")
    measures = [column for column in clips if column not in LABELS]
    clips[measures] = clips[measures].apply(rounded, bits=BITS)
    to.mkdir(parents=True, exist_ok=True)
    clips.to_parquet(
        to / "clips.parquet",
        index=False,
        compression="brotli",
        compression_level=11,
        use_dictionary=LABELS,
        use_byte_stream_split=measures,
    )
    shutil.copyfile(folder / "rows.json", to / "rows.json")
    return len(clips)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, help="--out of run.py")
    parser.add_argument("--to", type=Path, default=FOLDER)
    options = parser.parse_args()
    print(f"{pack(options.folder, options.to)} clips")


if __name__ == "__main__":
    main()
