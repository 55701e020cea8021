"""Stage ``interpolation``: the frame between two others."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

from tpige_kedro.mini.judges_training.cards import Card
from tpige_kedro.mini.judges_training.context import Context
from tpige_kedro.mini.judges_training.faces import as_channels_last, measured_on
from tpige_kedro.mini.judges_training.loop import Course, Losses, autocast, draw, on_device, train
from tpige_kedro.mini.judges_training.pools import Clips
from tpige_kedro.mini.networks.checkpoint import save_network
from tpige_kedro.mini.networks.frame_interpolator import FrameInterpolator

TITLE = "Mini frame interpolation"
PURPOSE = """Predicts the frame half-way between two others of an 80x80 clip of the mini people world, for motion smoothness
(the role of AMT-S): a small U-Net with two flows, a mask and a correction."""


def train_interpolation(context: Context, folder: Path) -> Card:
    """Train, save and measure the network."""
    pool, device, scale = context.clips, context.device, context.scale
    network = on_device(FrameInterpolator(), device)

    def losses_at(progress: float) -> Losses:
        first, middle, last = triplets(pool, 3 * scale.clip_batch)
        with autocast(device):
            guess = network(as_channels_last(first), as_channels_last(last))
        return {"difference": 10 * (guess - middle).abs().mean()}

    course = Course(scale.interpolation_steps, weight_decay=1e-4)
    train([network], losses_at, course, context.log("interpolation"))
    save_network(network, folder)
    training = f"{scale.interpolation_steps} steps of {3 * scale.clip_batch} triplets from {scale.clips} clips."
    return Card(
        TITLE, PURPOSE, training, measured_on(context), measure_interpolation(context, network)
    )


def triplets(clips: Clips, count: int) -> tuple[Tensor, Tensor, Tensor]:
    """Three neighbouring frames (count, 3, S, S) in [0, 1], some mirrored, some backwards in time."""
    device = clips.video.device
    clip = draw(len(clips.video), count, device)
    start = draw(clips.video.shape[1] - 2, count, device)
    frames = [clips.video[clip, start + i].float() / 255 for i in range(3)]
    mirror, backwards = (torch.rand(count, 1, 1, 1, device=device) < 0.5 for _ in range(2))
    first, middle, last = (torch.where(mirror, f.flip(-1), f) for f in frames)
    return torch.where(backwards, last, first), middle, torch.where(backwards, first, last)


@torch.no_grad()
def measure_interpolation(context: Context, network: nn.Module) -> dict[str, float]:
    """Mean absolute difference, of 255, from the true middle frame: the network, and the mean of the two frames."""
    renderer, _ = context.strangers(3)
    clips, _ = renderer.clips(
        context.scale.held_out, max(2, context.scale.chunk // 16), decoded=0.0
    )
    network_off, mean_off, batches = 0.0, 0.0, 8
    for _ in range(batches):
        first, middle, last = triplets(clips, context.scale.batch)
        guess = network(first, last).clamp(0, 1)
        network_off += 255 * (guess - middle).abs().mean().item() / batches
        mean_off += 255 * ((first + last) / 2 - middle).abs().mean().item() / batches
    return {
        "difference of 255/network": network_off,
        "difference of 255/mean of both frames": mean_off,
    }
