"""The nodes of ``train_mini``: thin wrappers around the resumable training functions."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from functools import partial, update_wrapper
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import pandas as pd
from pydantic import Field

from tpige_kedro.models import local_path, project_root
from tpige_kedro.schemas import Settings

if TYPE_CHECKING:
    import torch

JUDGING = (
    "face",
    "face_reader",
    "alignment",
    "imaging",
    "interpolation",
    "judge",
    "judge_attributes",
)


class TrainMini(Settings):
    """Where and how much to train.

    ``factor`` shrinks items and steps of the generators, ``tiny`` makes a few steps of everything: smoke runs. A work folder
    holds one training. ``device`` is the GPU if there is one; ``commit`` goes to the model cards, by default that of the checkout.
    """

    work: str = "data/06_models/mini_training"
    publish_to: str = "data/06_models/mini"
    seed: Annotated[int, Field(ge=0)] = 0
    factor: Annotated[float, Field(gt=0, le=1)] = 1.0
    tiny: bool = False
    device: str | None = None
    commit: str | None = None

    @property
    def folder(self) -> Path:
        """The work folder as a path."""
        return local_path(self.work)


def train_stage(name: str) -> Callable[..., dict[str, Any]]:
    """The node function of one generator stage."""
    return update_wrapper(partial(_train_stage, name), _train_stage)


def _train_stage(name: str, settings: TrainMini, *_previous: Any) -> dict[str, Any]:
    """Run a stage of the generators' training unless its mark is there; says whether it ran."""
    from tpige_kedro.mini.training.recipe import make_recipe
    from tpige_kedro.mini.training.stages import run_stage

    recipe = make_recipe(settings.seed, settings.factor, settings.tiny)
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
        settings.folder, device, settings.seed, scale=scale, codec=codec, commit=_commit(settings)
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
    """Write the generators' cards and copy the checkpoints to where the configuration looks for them, each whole or not at all."""
    from tpige_kedro.mini.training.cards import write_cards

    work, target = settings.folder, local_path(settings.publish_to)
    write_cards(work, settings.seed, _commit(settings), _device_name(_device(settings)))
    for name in ("vace", "phantom", "vace_fast", *JUDGING):
        _replace_folder(work / name, target / name)
    shutil.copy(work / "training.jsonl", target / "training.jsonl")
    return {
        "checkpoints": sorted(p.name for p in target.iterdir() if p.is_dir()),
        "events": len(log),
    }


def _replace_folder(source: Path, target: Path) -> None:
    unfinished = target.with_name(f"{target.name}.partial")
    shutil.rmtree(unfinished, ignore_errors=True)
    shutil.copytree(source, unfinished)
    shutil.rmtree(target, ignore_errors=True)
    os.replace(unfinished, target)


def _device(settings: TrainMini) -> torch.device:
    from tpige_kedro.networks.devices import pick_device

    return pick_device(settings.device)


def _device_name(device: torch.device) -> str:
    import torch

    return f"one {torch.cuda.get_device_name(device)}" if device.type == "cuda" else "a CPU"


def _commit(settings: TrainMini) -> str:
    """The commit of the code, marked if files were changed since."""
    if settings.commit:
        return settings.commit
    command = ["git", "describe", "--always", "--dirty", "--exclude=*"]
    try:
        found = subprocess.run(
            command, cwd=project_root(), capture_output=True, text=True, check=False, timeout=10
        )
    except (OSError, subprocess.TimeoutExpired):  # no git here: an installed package
        return "not recorded"
    return found.stdout.strip() if found.returncode == 0 else "not recorded"
