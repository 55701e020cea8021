"""Runs a guider over all steps without a model."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import torch
from diffusers.modular_pipelines.modular_pipeline import BlockState


def run(guider: Any, steps: int) -> list[list[str]]:
    """The branches of every step of a run in which no model is called."""
    seen = []
    for step in range(steps):
        guider.set_state(step, steps, None)
        batches = guider.prepare_inputs_from_block_state(BlockState(), {})
        seen.append([batch.__guidance_identifier__ for batch in batches])
        for batch in batches:
            guider.prepare_models(SimpleNamespace())
            guider.cleanup_models(SimpleNamespace())
            batch.noise_pred = torch.zeros(1)
        guider(batches)
    return seen
