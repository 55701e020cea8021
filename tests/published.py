"""Checkpoints with exactly the published keys and shapes, and next to nothing in them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import torch
from torch import nn

from tpige_kedro.networks.amt_s import AMT_S, AmtS
from tpige_kedro.networks.inception_v3 import INCEPTION_V3, InceptionV3
from tpige_kedro.networks.ir101 import CURRICULAR_FACE, IR101
from tpige_kedro.networks.musiq import MUSIQ_SPAQ, Musiq
from tpige_kedro.weights.published import Weights

HERE = Path(__file__).parent
GOLDEN = HERE / "golden" / "metrics"
PUBLISHED: dict[str, tuple[Callable[[], nn.Module], Weights, Path]] = {
    "ir101": (IR101, CURRICULAR_FACE, GOLDEN / "ir101_state_dict.json"),
    "amt_s": (AmtS, AMT_S, GOLDEN / "amt_s_state_dict.json"),
    "musiq": (Musiq, MUSIQ_SPAQ, GOLDEN / "musiq_state_dict.json"),
    "inception_v3": (InceptionV3, INCEPTION_V3, HERE / "inception_v3_state_dict.json"),
}


def hollow_state_dict(name: str) -> dict[str, torch.Tensor]:
    """One number per tensor, repeated without taking room: small random ones, variances of one."""
    generator = torch.Generator().manual_seed(0)
    made = {}
    for key, shape, *_ in json.loads(PUBLISHED[name][2].read_text()):
        if key.endswith("num_batches_tracked"):
            made[key] = torch.zeros((), dtype=torch.int64)
        else:
            value = torch.rand(1, generator=generator) * 0.02
            made[key] = (value + (1 if key.endswith("running_var") else 0)).expand(shape)
    return made


def write_checkpoint(name: str, folder: Path) -> Path:
    """The file under its published name, in the form in which it is published."""
    state = hollow_state_dict(name)
    file = folder / PUBLISHED[name][1].file
    file.parent.mkdir(parents=True, exist_ok=True)
    torch.save({"state_dict": state, "epoch": 300} if name == "amt_s" else state, file)
    return file
