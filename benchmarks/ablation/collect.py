"""Packs the finished rows of a training seed: ``python -m benchmarks.ablation.collect --rows DIR --training-seed 0``.

Writes ``clips_seed0.parquet``, a line per clip, and ``run_seed0.json``, what was measured where, into docs/evidence.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import pandas as pd

EVIDENCE = Path(__file__).resolve().parents[2] / "docs" / "evidence"
LABELS = ["made_as", "sample_id", "slice", "hides"]


def collect(rows: Path, training_seed: int) -> tuple[pd.DataFrame, dict[str, dict[str, float]]]:
    """The clips of all finished rows in ``rows``, and seconds and clips of each."""
    files = sorted(rows.glob("*.csv"))
    if not files:
        raise SystemExit(f"{rows}: no finished row; run benchmarks/ablation/run.py --out {rows}")
    clips = pd.concat([pd.read_csv(file) for file in files], ignore_index=True)
    clips.insert(0, "seed", training_seed)
    measures = clips.columns.drop(["seed", *LABELS])
    clips[measures] = clips[measures].apply(rounded)
    about = {file.stem: json.loads(file.with_suffix(".json").read_text()) for file in files}
    pace = {key: {name: row[key] for name, row in about.items()} for key in ("seconds", "clips")}
    return clips, pace


def rounded(values: pd.Series, bits: int = 9) -> pd.Series:
    """float32 with the last ``bits`` of its 23 bits zero; with nine exact to 3e-5 of the value, and a third of the size in the file."""
    whole = values.to_numpy("float32").view("int32")
    kept = (whole + (1 << (bits - 1))) & ~((1 << bits) - 1)
    return pd.Series(kept.view("float32"), values.index)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=Path, required=True, help="--out of ablation.py")
    parser.add_argument("--training-seed", type=int, required=True)
    parser.add_argument("--to", type=Path, default=EVIDENCE)
    parser.add_argument("--device", default="not recorded", help="where the rows were made")
    parser.add_argument("--torch", default="not recorded", help="its version there")
    parser.add_argument("--commit", default="not recorded", help="of the code")
    options = parser.parse_args()
    clips, pace = collect(options.rows, options.training_seed)
    options.to.mkdir(parents=True, exist_ok=True)
    name = f"seed{options.training_seed}"
    labels = ["seed", *LABELS]
    clips.to_parquet(
        options.to / f"clips_{name}.parquet",
        index=False,
        compression="brotli",
        compression_level=11,
        use_dictionary=labels,
        use_byte_stream_split=[column for column in clips if column not in labels],
    )
    about = {"device": options.device, "torch": options.torch, "commit": options.commit, **pace}
    (options.to / f"run_{name}.json").write_text(json.dumps(about, indent=1) + "\n")
    print(f"{len(clips)} clips of {clips['made_as'].nunique()} rows")


if __name__ == "__main__":
    main()
