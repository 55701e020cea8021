"""How well two runs of the ablation agree: ``python -m benchmarks.ablation.agree --rows DIR --again OTHER``.

Or two devices: ``--rescore cpu`` scores the clips that ``ablation.py --keep`` left in DIR once more, on this machine. Prints the largest
difference of a clip and the difference of the means, for every measure of the rows that both have.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import pandas as pd
import torch
from PIL import Image

from benchmarks.ablation.clips import ClipMaker
from benchmarks.ablation.collect import LABELS
from benchmarks.ablation.mini_pairs import Pairs
from benchmarks.ablation.run import MINI, load_parameters, make_scores
from benchmarks.ablation.scores import ClipScores


def differences(one: pd.DataFrame, other: pd.DataFrame) -> pd.DataFrame:
    """Largest difference of a clip and difference of the means, over the clips that both have."""
    measures = [name for name in one if name in other and name not in LABELS]
    a, b = one.set_index("sample_id"), other.set_index("sample_id")
    shared = a.index.intersection(b.index)
    if shared.empty:
        raise SystemExit("the two runs have no sample in common")
    gap = a.loc[shared, measures] - b.loc[shared, measures]
    return pd.DataFrame(
        {"clips": len(shared), "largest": gap.abs().max(), "of the means": gap.mean().abs()}
    )


def rescored(file: Path, scores: ClipScores) -> pd.DataFrame:
    """The measures of kept clips, scored again."""
    content = torch.load(file, weights_only=True)
    clips = content.pop("clips")
    content["pictures"] = [Image.fromarray(picture.numpy()) for picture in content["pictures"]]
    pairs = Pairs(**content, truth=torch.empty(0))
    columns = scores(clips.to(scores.judge.device), pairs)
    return pd.DataFrame({"sample_id": pairs.ids} | {k: v.numpy() for k, v in columns.items()})


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=Path, required=True, help="--out of ablation.py")
    other = parser.add_mutually_exclusive_group(required=True)
    other.add_argument("--again", type=Path, help="--out of a second run")
    other.add_argument("--rescore", metavar="DEVICE", help="score the kept clips again: cpu, cuda")
    options = parser.parse_args()
    if options.again:
        second = {file.stem: pd.read_csv(file) for file in sorted(options.again.glob("*.csv"))}
    else:
        maker = ClipMaker(load_parameters(), MINI, 1, options.rescore, 0)
        scores = make_scores(maker)
        kept = [file for file in sorted(options.rows.glob("*.pt")) if file.stem != "inputs"]
        second = {file.stem: rescored(file, scores) for file in kept}
    if not second:
        raise SystemExit("nothing to compare with: no finished row, or no clips kept by --keep")
    for name, table in second.items():
        first = pd.read_csv(options.rows / f"{name}.csv")
        print(f"{name}\n{differences(first, table).to_string(float_format='%.2e')}\n")


if __name__ == "__main__":
    main()
