"""Stage ``face``: the locator and the two face encoders behind CurScore and ArcScore, in one loop over one batch."""

from __future__ import annotations

from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tpige_kedro.mini.judges_training import faults
from tpige_kedro.mini.judges_training.cards import Card
from tpige_kedro.mini.judges_training.context import Context, repeat_people
from tpige_kedro.mini.judges_training.loop import Course, Losses, autocast, draw, on_device, train
from tpige_kedro.mini.judges_training.pools import Frames
from tpige_kedro.mini.judges_training.rendering import Renderer
from tpige_kedro.mini.networks.checkpoint import save_network
from tpige_kedro.mini.networks.face_encoders import (
    WIDTH,
    ConvNextFaceEncoder,
    ResidualFaceEncoder,
)
from tpige_kedro.mini.networks.face_locator import FaceLocator, Heads, crop_heads
from tpige_kedro.mini.networks.margins import CurricularLogits, PeopleClassifier, arcface_logits
from tpige_kedro.mini.world.people import People

MARGIN = 0.35
MARGIN_REACHED = 0.3  # share of the training after which the margin is whole
TITLE = "Mini face locator and face encoders"
PURPOSE = """Three small networks for 80x80 frames of the mini people world, behind `MiniFaceScorer` and `MiniIdentity`.
`locator` finds the head and says whether its face can be seen (the role of SCRFD); `arcface` is a residual network trained
with the ArcFace margin (the role of `w600k_r50`); `curricularface` is a ConvNeXt-style network trained with the CurricularFace
margin (the role of the CurricularFace IR-101). Encoders take 40x40 crops and give 128 numbers."""


def train_faces(context: Context, folder: Path) -> Card:
    """Train, save and measure the three networks."""
    pool, device, scale = context.frames, context.device, context.scale
    locator = on_device(FaceLocator(), device)
    arcface, curricular = (
        on_device(n, device) for n in (ResidualFaceEncoder(), ConvNextFaceEncoder())
    )
    arc_people, cur_people = (PeopleClassifier(scale.people, WIDTH).to(device) for _ in range(2))
    cur_logits = CurricularLogits().to(device)
    visible = pool.face_open.nonzero()[:, 0]

    def losses_at(progress: float) -> Losses:
        shown = pool.rows(visible[draw(len(visible), scale.batch, device)])
        others = pool.rows(draw(len(pool), scale.batch // 2, device))
        pictures = faults.seen(shown.images())
        crops = as_channels_last(crop_heads(pictures, jittered(shown.heads)))
        margin = MARGIN * min(1.0, progress / MARGIN_REACHED)
        losses = locator_losses(locator, shown, others, pictures)
        with autocast(device):
            arc, cur = arcface(crops), curricular(crops)
        arc_target = arcface_logits(arc_people(arc), shown.person, margin)
        cur_target = cur_logits(cur_people(cur), shown.person, margin)
        losses["arcface"] = F.cross_entropy(arc_target, shown.person)
        losses["curricularface"] = F.cross_entropy(cur_target, shown.person)
        return losses

    networks = [locator, arcface, curricular, arc_people, cur_people]
    train(networks, losses_at, Course(scale.face_steps), context.log("face"))
    for name, network in zip(("locator", "arcface", "curricularface"), networks, strict=False):
        save_network(network, folder / name)
    renderer, people = context.strangers()
    numbers = measure_locator(locator, renderer, people)
    for name, encoder in (("arcface", arcface), ("curricularface", curricular)):
        measured = measure_identity(locator, encoder, renderer, people)
        numbers |= {f"{name}/{key}": value for key, value in measured.items()}
    training = f"{scale.face_steps} steps of {scale.batch} frames of {scale.people} people; margins {MARGIN}, scale 28."
    return Card(TITLE, PURPOSE, training, measured_on(context), numbers)


def measured_on(context: Context) -> str:
    """Words for the held-out people of ``context``."""
    kind = "rendered and VAE-decoded" if context.codec else "rendered"
    return f"{context.scale.held_out} unseen people, {kind} pictures"


def as_channels_last(images: Tensor) -> Tensor:
    """The memory layout of :func:`.loop.on_device`."""
    return images.contiguous(memory_format=torch.channels_last)


def jittered(heads: Heads) -> Heads:
    """Heads as a slightly wrong locator would give them."""
    wobble = [torch.randn_like(heads.x) for _ in range(3)]
    return Heads(
        heads.visible,
        heads.x + 0.04 * heads.size * wobble[0],
        heads.y + 0.04 * heads.size * wobble[1],
        heads.size * (1 + 0.05 * wobble[2]),
    )


def locator_losses(locator: nn.Module, shown: Frames, others: Frames, pictures: Tensor) -> Losses:
    """Visible or not on all pictures, place and size where there is a head; half of ``shown`` and all ``others`` take part.

    A third of ``others`` loses its face (blank, noise, shuffled, covered); then only "not visible" is asked.
    """
    half = len(pictures) // 2
    rest, _ = faults.degraded(faults.seen(others.images()))
    third = max(1, len(rest) // 3)
    junk = faults.without_face(
        rest[:third], others.x[:third], others.y[:third], others.size[:third]
    )
    with autocast(pictures.device):
        heads = locator(as_channels_last(torch.cat([pictures[:half], junk, rest[third:]])))
    truth = Heads(
        *(torch.cat([a[:half], b]) for a, b in zip(shown.heads, others.heads, strict=True))
    )
    is_junk = torch.zeros(len(truth.x), dtype=torch.bool, device=pictures.device)
    is_junk[half : half + third] = True
    place = (heads.x - truth.x) ** 2 + (heads.y - truth.y) ** 2 + (heads.size - truth.size) ** 2
    target = truth.visible.masked_fill(is_junk, 0.0)
    return {
        "visible": F.binary_cross_entropy_with_logits(heads.visible, target),
        "place": 20 * (place * ~is_junk).sum() / (~is_junk).sum(),
    }


@torch.no_grad()
def measure_locator(locator: nn.Module, renderer: Renderer, people: People) -> dict[str, float]:
    """Shares of pictures judged right, and the mean error of the place in head sizes."""
    count = len(people["age"])
    scenes = [renderer.single_frames(people, count, False, decoded) for decoded in (False, True)]
    right, errors = [], []
    for scene in scenes:
        heads = locator(scene.images())
        right.append(((heads.visible > 0) == scene.face_open).float().mean())
        off = torch.hypot(heads.x - scene.x, heads.y - scene.y) / scene.size
        errors.append(off[scene.face_open].mean())
    junk = faults.without_face(scenes[0].images(), scenes[0].x, scenes[0].y, scenes[0].size)
    return {
        "locator/face or none right/rendered": right[0].item(),
        "locator/face or none right/decoded": right[1].item(),
        "locator/faceless pictures refused": (locator(junk).visible <= 0).float().mean().item(),
        "locator/error of the centre in head sizes": torch.stack(errors).mean().item(),
    }


@torch.no_grad()
def measure_identity(
    locator: nn.Module, encoder: nn.Module, renderer: Renderer, people: People, times: int = 4
) -> dict[str, float]:
    """Similarity of a neutral portrait with open-faced scenes of the same person and of all others."""
    count = len(people["age"])
    everyone = repeat_people(count, 1, renderer.device)
    portraits = renderer.single_frames(people, count, True, False, everyone, neutral=True)
    anchors = encoder(crop_heads(portraits.images(), locator(portraits.images())))
    numbers: dict[str, float] = {}
    for name, decoded in (("rendered", False), ("decoded", True)):
        person = repeat_people(count, times, renderer.device)
        scenes = renderer.single_frames(people, count * times, False, decoded, person)
        scenes = scenes.rows(scenes.face_open.nonzero()[:, 0])
        cosines = encoder(crop_heads(scenes.images(), locator(scenes.images()))) @ anchors.T
        same = torch.zeros_like(cosines, dtype=torch.bool)
        same[torch.arange(len(scenes), device=same.device), scenes.person] = True
        threshold = cosines[~same].float().sort().values[int(0.999 * ((~same).sum().item() - 1))]
        numbers |= {
            f"same person/{name}": cosines[same].mean().item(),
            f"another person/{name}": cosines[~same].mean().item(),
            f"TAR at FAR 1e-3/{name}": (cosines[same] > threshold).float().mean().item(),
        }
    return numbers
