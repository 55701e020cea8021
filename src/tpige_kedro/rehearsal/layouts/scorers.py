"""The loose checkpoints of the scorers: the folder that is filled by hand, AMT-S and MUSIQ."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from tpige_kedro.rehearsal.files import File
from tpige_kedro.rehearsal.shapes import meta, tensors_of
from tpige_kedro.rehearsal.values import hollow
from tpige_kedro.weights.published import Weights


def face_folder(tiny: bool) -> list[File]:
    """``photo_face``: the pack ``buffalo_l``, CurricularFace and Inception-v3."""
    from tpige_kedro.networks.inception_v3 import INCEPTION_V3, InceptionV3
    from tpige_kedro.networks.ir101 import CURRICULAR_FACE, IR101
    from tpige_kedro.rehearsal.layouts.buffalo import buffalo_files

    return [
        *buffalo_files(tiny),
        state_dict(IR101, CURRICULAR_FACE, tiny),
        state_dict(InceptionV3, INCEPTION_V3, tiny),
    ]


def amt(tiny: bool) -> list[File]:
    """``lalala125/AMT``: a training checkpoint with its epoch."""
    from tpige_kedro.networks.amt_s import AMT_S, AmtS

    return [state_dict(AmtS, AMT_S, tiny, lambda state: {"state_dict": state, "epoch": 300})]


def musiq(tiny: bool) -> list[File]:
    """``chaofengc/IQA-PyTorch-Weights``: MUSIQ trained on SPAQ."""
    from tpige_kedro.networks.musiq import MUSIQ_SPAQ, Musiq

    return [state_dict(Musiq, MUSIQ_SPAQ, tiny)]


def state_dict(
    build: Callable[[], Any], weights: Weights, tiny: bool, wrap: Callable[[Any], Any] = dict
) -> File:
    """A network as its class initialises it, under the published name; ``tiny``: one number a tensor, which takes no room."""
    tensors = tensors_of(meta(build))

    def write(path: Path) -> None:
        torch.save(wrap(hollow_state() if tiny else initial_state()), path)

    def hollow_state() -> dict[str, torch.Tensor]:
        return {name: hollow(spec.shape, spec.dtype, small(name)) for name, spec in tensors.items()}

    def initial_state() -> dict[str, torch.Tensor]:
        torch.manual_seed(0)
        return dict(build().state_dict())

    return File(weights.file, 0 if tiny else sum(s.bytes for s in tensors.values()), write)


def small(name: str) -> float:
    """The number that fills a tensor: from 0 to 0.02 by its name, so that no deep network overflows; variances are larger by one.

    >>> 1 < small("bn.running_var") < 1.02 and small("bn.num_batches_tracked") == 0
    True
    """
    last = name.rpartition(".")[2]
    if last == "num_batches_tracked":
        return 0.0
    value = 0.02 * zlib.crc32(name.encode()) / 2**32
    return value + 1 if last == "running_var" else value
