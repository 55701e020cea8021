"""Stage ``face_reader``: the attribute reader of portraits, with a copy of the face locator beside it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tpige_kedro.mini.judges_training import faults
from tpige_kedro.mini.judges_training.cards import Card
from tpige_kedro.mini.judges_training.context import Context
from tpige_kedro.mini.judges_training.faces import as_channels_last, jittered, measured_on
from tpige_kedro.mini.judges_training.loop import Course, Losses, autocast, draw, on_device, train
from tpige_kedro.mini.judges_training.pools import Frames
from tpige_kedro.mini.networks.attribute_reader import (
    ATTRIBUTES,
    HEAD_MARGIN,
    HEAD_SIDE,
    NOT_SEEN,
    AttributeReader,
)
from tpige_kedro.mini.networks.checkpoint import load_network, save_network
from tpige_kedro.mini.networks.face_locator import FaceLocator, Heads, crop_heads
from tpige_kedro.mini.world.people import People, select
from tpige_kedro.mini.world.vocabulary import BALD

TITLE = "Mini face reader"
PURPOSE = """Reads age, gender, skin, hair, eyes, facial hair, glasses and freckles from an 80x80 portrait of the mini people world,
behind `MiniFaceReader` (the role of GPT-4o in prompt enhancement). `locator` is a copy of the face locator; `attributes` is a
residual network on a 48x48 crop with one softmax per attribute, whose probability is the confidence."""


def train_reader(context: Context, folder: Path) -> Card:
    """Train, save and measure the reader."""
    pool, device, scale = context.frames, context.device, context.scale
    shutil.copytree(context.work / "face" / "locator", folder / "locator")
    reader = on_device(AttributeReader(), device)
    losses_at = reading_losses(reader, pool, pool.portrait, scale.batch)
    train([reader], losses_at, Course(scale.reader_steps), context.log("face_reader"))
    save_network(reader, folder / "attributes")
    locator = load_network(FaceLocator, folder / "locator", device)
    training = f"{scale.reader_steps} steps of {scale.batch} portraits of {scale.people} people."
    return Card(
        TITLE, PURPOSE, training, measured_on(context), measure_reader(context, locator, reader)
    )


def reading_losses(
    reader: AttributeReader, pool: Frames, shown: Tensor, batch: int
) -> Callable[[float], Losses]:
    """Losses of ``reader`` on ``batch`` random heads of the pictures of ``pool`` where ``shown`` (n,) is true."""
    choice = shown.nonzero()[:, 0]
    device = choice.device

    def losses_at(progress: float) -> Losses:
        rows = pool.rows(choice[draw(len(choice), batch, device)])
        crops = head_crops(faults.seen(rows.images()), jittered(rows.heads))
        with autocast(device):
            logits = reader(as_channels_last(crops))
        return attribute_losses(logits, labels(select(rows.people, rows.person)))

    return losses_at


def head_crops(pictures: Tensor, heads: Heads) -> Tensor:
    """What the reader sees of a picture."""
    return crop_heads(pictures, heads, HEAD_SIDE, HEAD_MARGIN)


def labels(people: People) -> dict[str, Tensor]:
    """The value of each attribute (n,), int64; the hair colour of a bald head is :data:`NOT_SEEN`."""
    found = {name: people[name].long() for name in ATTRIBUTES}
    found["skin"] = (people["skin"] + 0.5).long()
    bald = found["hair_style"] == BALD
    found["hair_colour"] = found["hair_colour"].masked_fill(bald, NOT_SEEN)
    return found


def attribute_losses(logits: dict[str, Tensor], truth: dict[str, Tensor]) -> Losses:
    """One cross entropy an attribute."""
    return {name: F.cross_entropy(logits[name], truth[name]) for name in ATTRIBUTES}


@torch.no_grad()
def measure_reader(context: Context, locator: nn.Module, reader: nn.Module) -> dict[str, float]:
    """Share of neutral portraits read right, by attribute, rendered and decoded; and the mean error of the confidence."""
    renderer, people = context.strangers(1)
    count = len(people["age"])
    everyone = torch.arange(count, device=context.device)
    numbers: dict[str, float] = {}
    for kind, decoded in (("rendered", False), ("decoded", True)):
        rows = renderer.single_frames(people, count, True, decoded, everyone, neutral=True)
        logits = reader(head_crops(rows.images(), locator(rows.images())))
        read = {name: values.softmax(-1) for name, values in logits.items()}
        numbers |= shares_right(read, labels(select(people, rows.person)), kind)
    return numbers


def shares_right(read: dict[str, Tensor], truth: dict[str, Tensor], kind: str) -> dict[str, float]:
    """Share of heads read right, by attribute, from probabilities (n, values); and the mean error of the confidence."""
    numbers, gaps = {}, []
    for name, probabilities in read.items():
        known = truth[name] != NOT_SEEN
        confidence, guess = probabilities[known].max(-1)
        right = (guess == truth[name][known]).float()
        numbers[f"{name} right/{kind}"] = right.mean().item()
        gaps.append((confidence.mean() - right.mean()).abs())
    numbers[f"mean gap of confidence and accuracy/{kind}"] = torch.stack(gaps).mean().item()
    return numbers
