"""The judges' training from one call: every stage in turn, those that are done left alone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch

from tpige_kedro.mini.judges_training.alignment import train_alignment
from tpige_kedro.mini.judges_training.cards import Card
from tpige_kedro.mini.judges_training.context import Context, run_stage
from tpige_kedro.mini.judges_training.faces import train_faces
from tpige_kedro.mini.judges_training.imaging import train_imaging
from tpige_kedro.mini.judges_training.interpolation import train_interpolation
from tpige_kedro.mini.judges_training.judge import train_judge
from tpige_kedro.mini.judges_training.judge_attributes import train_judge_attributes
from tpige_kedro.mini.judges_training.reader import train_reader
from tpige_kedro.mini.judges_training.rendering import Codec
from tpige_kedro.mini.judges_training.scale import SCALES

# folder -> what fills it; in this order, because the reader takes a copy of the face locator and the judge's reading of
# attributes is measured on the heads that the judge finds
STAGES: dict[str, Callable[[Context, Path], Card]] = {
    "face": train_faces,
    "face_reader": train_reader,
    "alignment": train_alignment,
    "imaging": train_imaging,
    "interpolation": train_interpolation,
    "judge": train_judge,
    "judge_attributes": train_judge_attributes,
}


def train_judges(
    work: Path,
    device: str | torch.device,
    seed: int,
    *,
    scale: str = "full",
    codec: Codec | None = None,
    commit: str = "not recorded",
) -> list[str]:
    """Train what is missing of the small networks and write each to its folder in ``work``.

    A stage whose folder has its model card is skipped; a folder appears whole or not at all, so a killed run goes on with the
    stage that it was in. Progress goes to ``work/training.jsonl``, one JSON object a line.

    Args:
        work: where the checkpoints go, ``data/06_models/mini``.
        device: ``cuda`` or ``cpu``.
        seed: fixes people, scenes, weights and batches.
        scale: ``full``, or ``tiny`` for a smoke run on a CPU.
        codec: the trained mini VAE; without it the networks never see decoded pictures and read generated clips worse.
        commit: of the code, for the model cards.

    Returns:
        The stages that ran.

    Raises:
        ValueError: an unknown scale.
    """
    if scale not in SCALES:
        raise ValueError(
            f"judges' training: scale {scale!r} is unknown; use one of {sorted(SCALES)}"
        )
    work = Path(work)
    work.mkdir(parents=True, exist_ok=True)
    context = Context(work, torch.device(device), seed, SCALES[scale], codec, commit)
    return [
        folder
        for number, (folder, stage) in enumerate(STAGES.items())
        if run_stage(context, folder, number, stage)
    ]
