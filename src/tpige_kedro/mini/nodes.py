"""The nodes of ``train_mini``: thin wrappers around the resumable training functions."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from functools import partial, update_wrapper
from pathlib import Path
from typing import Annotated, Any

import pandas as pd
from pydantic import Field

from tpige_kedro.models import local_path
from tpige_kedro.schemas import Settings

JUDGING = ("face", "face_reader", "alignment", "imaging", "interpolation", "judge")


class TrainMini(Settings):
    """Where and how much to train. ``factor`` shrinks items and steps; ``tiny`` is a smoke run of a few steps."""

    work: str = "data/06_models/mini_training"
    publish_to: str = "data/06_models/mini"
    seed: Annotated[int, Field(ge=0)] = 0
    factor: Annotated[float, Field(gt=0, le=1)] = 1.0
    tiny: bool = False
    device: str | None = None
    commit: str = "not recorded"

    @property
    def folder(self) -> Path:
        """The work folder as a path."""
        return local_path(self.work)


def train_stage(name: str) -> Callable[..., dict[str, Any]]:
    """The node function of one generator stage."""
    return update_wrapper(partial(_train_stage, name), _train_stage)


def _train_stage(name: str, settings: TrainMini, *_previous: Any) -> dict[str, Any]:
    """Run a stage of the generators' training unless its mark is there."""
    from tpige_kedro.mini.training.recipe import TINY, Recipe
    from tpige_kedro.mini.training.stages import run_stage

    recipe = TINY if settings.tiny else Recipe(seed=settings.seed).scaled(settings.factor)
    ran = run_stage(name, settings.folder, recipe, _device(settings))
    return {"stage": name, "ran": ran}


def train_judging(settings: TrainMini, *_previous: Any) -> dict[str, Any]:
    """Train the networks that read, score and judge, on what the trained autoencoder leaves of pictures."""
    from tpige_kedro.mini.judges_training.train import train_judges
    from tpige_kedro.mini.training.codec import LatentCodec

    device = _device(settings)
    codec = LatentCodec(settings.folder / "vace" / "vae", device)
    scale = "tiny" if settings.tiny else "full"
    ran = train_judges(
        settings.folder, device, settings.seed, scale=scale, codec=codec, commit=settings.commit
    )
    return {"stage": "judges", "ran": bool(ran)}


def collect_log(settings: TrainMini, *_previous: Any) -> pd.DataFrame:
    """The training log as a table: stage, step, metric, value, seconds since the stage began."""
    events = pd.read_json(settings.folder / "training.jsonl", lines=True)
    numbers = events.drop(columns=["stage", "seconds", "step"], errors="ignore").select_dtypes(
        "number"
    )
    index = events[["stage", "seconds"]].assign(step=events.get("step", 0)).fillna({"step": 0})
    long = (
        pd.concat([index, numbers], axis=1)
        .melt(["stage", "seconds", "step"], var_name="metric")
        .dropna()
    )
    return long.astype({"step": int}).sort_values(["stage", "metric", "step"], ignore_index=True)


def publish(settings: TrainMini, log: pd.DataFrame) -> dict[str, Any]:
    """Write the generators' cards and copy finished checkpoints to where the configuration looks for them."""
    from tpige_kedro.mini.training.cards import write_cards

    work, target = settings.folder, local_path(settings.publish_to)
    write_cards(work, settings.seed, settings.commit, str(_device(settings)))
    for name in ("vace", "phantom", *JUDGING):
        shutil.rmtree(target / name, ignore_errors=True)
        shutil.copytree(work / name, target / name)
    shutil.copy(work / "training.jsonl", target / "training.jsonl")
    return {
        "checkpoints": sorted(p.name for p in target.iterdir() if p.is_dir()),
        "events": len(log),
    }


def _device(settings: TrainMini) -> Any:
    import torch

    return torch.device(settings.device or ("cuda" if torch.cuda.is_available() else "cpu"))
