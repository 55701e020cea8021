"""A study of a finished run with simulated raters: drawn, voted on, evaluated, and looked up in the report.

Run: ``python -m benchmarks.study.demo --data-root DIR [--env test]`` on a run whose votes are nobody's: the votes of real raters
would be mixed with simulated ones, so a study that has votes is refused. Ends with 1 if what the raters prefer is not found again.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

import pandas as pd

from tpige_kedro.datasets import TablesDataset
from tpige_kedro.study.on_disk import FOLDER
from tpige_kedro.study.simulated import Behaviour, simulate_votes
from tpige_kedro.study.votes_store import Vote, VotesStore

RATERS = ("simulated1", "simulated2", "simulated3")
STEP = 1.0  # of strength between a variant and the next in the alphabet


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data-root", type=Path, required=True)
    parser.add_argument("--env", default="base")
    options = parser.parse_args()
    run(options)
    votes = vote(options.data_root / FOLDER)
    run(options)
    sys.exit(problem(options.data_root, votes))


def run(options: argparse.Namespace) -> None:
    """Draw the study, or evaluate the votes that are there."""
    command = ["kedro", "run", "--pipelines=study", f"--env={options.env}"]
    subprocess.run([*command, f"--params=data_root={options.data_root}"], check=True)


def vote(folder: Path) -> pd.DataFrame:
    """Write the votes of raters who like the last variant of the alphabet best, and return them."""
    if len(pd.read_parquet(folder / "votes.parquet")):
        raise SystemExit(f"{folder} has votes already; none are added to those of real raters")
    pairs = pd.read_parquet(folder / "pairs.parquet")
    variants = sorted({*pairs["variant_a"], *pairs["variant_b"]})
    behaviour = Behaviour({name: STEP * place for place, name in enumerate(variants)})
    votes = simulate_votes(pairs, RATERS, behaviour, seed=0)
    store = VotesStore(folder)
    for row in votes.itertuples(index=False):
        store.add(Vote(*row))
    store.close()
    return votes


def problem(data_root: Path, votes: pd.DataFrame) -> str | None:
    """What is not as the simulated raters voted; nothing if all is."""
    folder = data_root / FOLDER
    if len(pd.read_parquet(folder / "votes.parquet")) != len(votes):
        return "some votes did not arrive"
    scores = TablesDataset(path=str(folder / "results")).load()["scores"]
    shares = scores[scores["raters"] == "kept"].set_index("variant")["share"]
    print(f"{len(votes)} votes; shares of points: {shares.round(2).to_dict()}")
    if shares[shares.index.max()] <= shares[shares.index.min()]:
        return (
            "the variant that was liked best has no more points than the one that was liked least"
        )
    if '<section id="study">' not in (data_root / "08_reporting" / "report.html").read_text():
        return "the report has no section about the study"
    return None


if __name__ == "__main__":
    main()
