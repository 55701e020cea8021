"""Stage ``imaging``: severities of blur, noise, exposure and coding faults."""

from __future__ import annotations

from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tpige_kedro.mini.judges_training import faults
from tpige_kedro.mini.judges_training.cards import Card
from tpige_kedro.mini.judges_training.context import Context
from tpige_kedro.mini.judges_training.faces import as_channels_last, measured_on
from tpige_kedro.mini.judges_training.loop import Course, Losses, autocast, draw, on_device, train
from tpige_kedro.mini.judges_training.pools import Frames
from tpige_kedro.mini.networks.checkpoint import save_network
from tpige_kedro.mini.networks.image_quality import FAULTS, ImageQuality, quality

STRONGEST_NOISE = 0.5  # standard deviation on [-1, 1], severity 1
MOST_STOPS = 1.5  # of exposure, severity 1
DECODED, DECODED_NOISY = (
    0.15,
    0.6,
)  # coding severity of a clean VAE round trip, and what the strongest latent noise adds
SHARE = 0.5  # of the pictures that get a fault, for each fault
TITLE = "Mini image quality"
PURPOSE = """Says how blurred, noisy, wrongly exposed and badly coded an 80x80 frame of the mini people world is; `MiniImagingScorer`
turns the four severities into one number, the product of what each leaves (the role of MUSIQ)."""


def train_imaging(context: Context, folder: Path) -> Card:
    """Train, save and measure the network."""
    pool, device, scale = context.frames, context.device, context.scale
    network = on_device(ImageQuality(), device)

    def losses_at(progress: float) -> Losses:
        pictures, severities = damaged(pool.rows(draw(len(pool), scale.batch, device)))
        with autocast(device):
            guess = network(as_channels_last(pictures))
        losses = F.binary_cross_entropy(guess.float(), severities, reduction="none").mean(0)
        return dict(zip(FAULTS, losses, strict=True))

    train([network], losses_at, Course(scale.imaging_steps), context.log("imaging"))
    save_network(network, folder)
    training = f"{scale.imaging_steps} steps of {scale.batch} frames with known faults."
    return Card(TITLE, PURPOSE, training, measured_on(context), measure_imaging(context, network))


def damaged(rows: Frames) -> tuple[Tensor, Tensor]:
    """Pictures with random faults and the severity (n, 4) of each fault."""
    pictures = rows.images()
    blurred, sigma = faults.blur_in_groups(pictures, strongest=faults.WIDEST_BLUR)
    pictures, blur = faults.choose(pictures, blurred, sigma / faults.WIDEST_BLUR, SHARE)
    stops = faults.uniform(pictures, -MOST_STOPS, MOST_STOPS)
    pictures, exposure = faults.choose(
        pictures, faults.expose(pictures, stops), stops.abs() / MOST_STOPS, SHARE
    )
    spread = faults.uniform(pictures, 0.0, STRONGEST_NOISE)
    noisy = pictures + spread * torch.randn_like(pictures)
    pictures, noise = faults.choose(pictures, noisy, spread / STRONGEST_NOISE, SHARE)
    strength = faults.uniform(pictures)
    pictures, blocks = faults.choose(
        pictures, faults.video_coding(pictures, strength), strength, SHARE
    )
    decoded = torch.where(rows.noise < 0, 0.0, DECODED + DECODED_NOISY * rows.noise).view(
        -1, 1, 1, 1
    )
    coding = 1 - (1 - blocks) * (1 - decoded)
    severities = torch.cat([blur, noise, exposure, coding], 1)[:, :, 0, 0]
    return pictures.clamp(-1, 1), severities.clamp(0, 1)


@torch.no_grad()
def measure_imaging(context: Context, network: nn.Module) -> dict[str, float]:
    """Correlation of guessed and true quality on damaged pictures, and mean quality of some typical ones."""
    renderer, people = context.strangers(2)
    count = len(people["age"])
    clean = renderer.single_frames(people, count, False, False)
    decoded = renderer.single_frames(people, count, False, True)
    broken, severities = damaged(clean)
    guess, truth = quality(network(broken)), quality(severities)
    pictures = clean.images()
    examples = {
        "clean": pictures,
        "decoded": decoded.images(),
        "blurred by 1 pixel": faults.gaussian_blur(pictures, 1.0),
        "blurred by 2 pixels": faults.gaussian_blur(pictures, 2.0),
        "noise 0.2": pictures + 0.2 * torch.randn_like(pictures),
        "over-exposed by one stop": faults.expose(
            pictures, torch.ones_like(pictures[:, :1, :1, :1])
        ),
    }
    numbers = {"correlation of quality": torch.corrcoef(torch.stack([guess, truth]))[0, 1].item()}
    for name, example in examples.items():
        numbers[f"quality/{name}"] = quality(network(example)).mean().item()
    return numbers
