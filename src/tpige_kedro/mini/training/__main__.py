"""Command line: ``python -m tpige_kedro.mini.training --work DIR [--stages vae,decoder] [--tiny]``."""

from __future__ import annotations

import argparse
import logging
from dataclasses import asdict, replace
from pathlib import Path

import torch

from tpige_kedro.mini.training.recipe import make_recipe
from tpige_kedro.mini.training.stages import STAGES, run_stage


def main() -> None:
    """Run the named stages in their order; those already done are skipped."""
    parser = argparse.ArgumentParser(description="Train the mini models")
    parser.add_argument(
        "--work", type=Path, required=True, help="folder for checkpoints, latents and the log"
    )
    parser.add_argument("--stages", default=",".join(STAGES), help="comma-separated, default all")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--factor", type=float, default=1.0, help="share of the items and steps")
    parser.add_argument(
        "--tiny", action="store_true", help="a few steps of everything: does it run at all?"
    )
    parser.add_argument(
        "--set",
        nargs="*",
        default=[],
        metavar="NAME=NUMBER",
        help="change single numbers of the recipe",
    )
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    recipe = make_recipe(options.seed, options.factor, options.tiny)
    for item in options.set:
        name, _, value = item.partition("=")
        kind = type(getattr(recipe, name, None))
        if kind not in (int, float):
            parser.error(
                f"--set {item}: the recipe has no number {name!r}; it has {asdict(recipe)}"
            )
        recipe = replace(recipe, **{name: kind(value)})
    stages = options.stages.split(",")
    if unknown := set(stages) - set(STAGES):
        parser.error(f"--stages: {sorted(unknown)} are unknown; there are {list(STAGES)}")
    for name in stages:
        run_stage(name, options.work, recipe, torch.device(options.device))


if __name__ == "__main__":
    main()
