"""Command line: ``python -m tpige_kedro.mini.judges_training --work DIR [--tiny]``."""

from __future__ import annotations

import argparse
import logging
from pathlib import Path

import torch

from tpige_kedro.mini.judges_training.train import train_judges


def main() -> None:
    """Train the judges' networks with the mini VAE of ``DIR/vace/vae``; finished stages are skipped."""
    parser = argparse.ArgumentParser(
        description="Train the small networks behind scores and reader"
    )
    parser.add_argument("--work", type=Path, required=True, help="folder of the mini checkpoints")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--tiny", action="store_true", help="a few steps on rendered pictures")
    parser.add_argument("--commit", default="not recorded", help="of the code, for the model cards")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    scale, codec = "tiny", None
    if not options.tiny:
        from tpige_kedro.mini.training.codec import LatentCodec

        scale, codec = "full", LatentCodec(options.work / "vace" / "vae", options.device)
    train_judges(
        options.work,
        options.device,
        options.seed,
        scale=scale,
        codec=codec,
        commit=options.commit,
    )


if __name__ == "__main__":
    main()
