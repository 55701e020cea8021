"""Stage ``judge``: the benchmark's own encoder and its classifiers, on people and clips that no other network learned from."""

from __future__ import annotations

from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tpige_kedro.mini.judges_training import faults
from tpige_kedro.mini.judges_training.cards import Card
from tpige_kedro.mini.judges_training.context import Context
from tpige_kedro.mini.judges_training.faces import (
    MARGIN,
    MARGIN_REACHED,
    as_channels_last,
    jittered,
    measure_identity,
    measured_on,
)
from tpige_kedro.mini.judges_training.loop import Course, Losses, autocast, draw, on_device, train
from tpige_kedro.mini.judges_training.pools import Clips, Frames, to_floats
from tpige_kedro.mini.networks.checkpoint import save_network
from tpige_kedro.mini.networks.face_encoders import WIDTH, SqueezeFaceEncoder
from tpige_kedro.mini.networks.face_locator import Heads, crop_heads
from tpige_kedro.mini.networks.judge import Scene, SceneJudge
from tpige_kedro.mini.networks.margins import PeopleClassifier, cosface_logits

TITLE = "Mini judge for benchmarks"
PURPOSE = """Judges clips of the mini people world for benchmarks, and nothing else: it is used neither to train a generator
nor to choose or score a clip. `identity` is an IR-SE encoder trained with the CosFace margin; `scene` finds the head, names role and
setting of a frame and the action of a clip."""


def train_judge(context: Context, folder: Path) -> Card:
    """Train, save and measure both networks."""
    scale = context.scale
    encoder = train_identity(context)
    scene = train_scene(context)
    save_network(encoder, folder / "identity")
    save_network(scene, folder / "scene")
    renderer, people = context.strangers(5)
    numbers = measure_identity(Locating(scene), encoder, renderer, people) | measure_scene(
        context, scene
    )
    training = (
        f"identity: {scale.judge_identity_steps} steps of {scale.batch} faces of {scale.judge_people} people; scene: "
        f"{scale.judge_scene_steps} steps of {scale.clip_batch} clips and {scale.batch // 2} frames."
    )
    return Card(TITLE, PURPOSE, training, measured_on(context), numbers)


def train_identity(context: Context) -> SqueezeFaceEncoder:
    """The third face encoder."""
    pool, device, scale = context.judge_frames, context.device, context.scale
    encoder = on_device(SqueezeFaceEncoder(), device)
    people = PeopleClassifier(scale.judge_people, WIDTH).to(device)
    visible = pool.face_open.nonzero()[:, 0]

    def losses_at(progress: float) -> Losses:
        rows = pool.rows(visible[draw(len(visible), scale.batch, device)])
        crops = crop_heads(faults.seen(rows.images()), jittered(rows.heads))
        margin = MARGIN * min(1.0, progress / MARGIN_REACHED)
        with autocast(device):
            embeddings = encoder(as_channels_last(crops))
        return {
            "cosface": F.cross_entropy(
                cosface_logits(people(embeddings), rows.person, margin), rows.person
            )
        }

    course = Course(scale.judge_identity_steps)
    train([encoder, people], losses_at, course, context.log("judge identity"))
    return encoder


def train_scene(context: Context) -> SceneJudge:
    """Head, role and setting of frames, action of clips."""
    frames, clips, device, scale = (
        context.judge_frames,
        context.judge_clips,
        context.device,
        context.scale,
    )
    judge = on_device(SceneJudge(), device)

    def losses_at(progress: float) -> Losses:
        rows = frames.rows(draw(len(frames), scale.batch // 2, device))
        moving = clips.rows(draw(len(clips.video), scale.clip_batch, device))
        pictures = torch.cat([rows.images(), to_floats(moving.video.flatten(0, 1))])
        pictures, _ = faults.degraded(faults.seen(pictures), 0.1)
        with autocast(device):
            scene = judge(as_channels_last(pictures))
            action = judge.judge_action(last(scene, len(pictures) - len(rows)), scale.clip_batch)
        return scene_losses(scene, rows, moving) | {
            "action": F.cross_entropy(action, moving.action)
        }

    train([judge], losses_at, Course(scale.judge_scene_steps), context.log("judge scene"))
    return judge


def last(scene: Scene, count: int) -> Scene:
    """The last ``count`` frames of a scene."""
    heads = Heads(*(values[-count:] for values in scene.heads))
    return Scene(heads, scene.role[-count:], scene.setting[-count:], scene.features[-count:])


def scene_losses(scene: Scene, rows: Frames, clips: Clips) -> Losses:
    """Losses of single frames: ``rows`` come first, then all frames of ``clips``."""
    length = clips.video.shape[1]

    def both(single: Tensor, per_clip: Tensor) -> Tensor:
        return torch.cat([single, per_clip.repeat_interleave(length)])

    heads = scene.heads
    place = (
        (heads.x - torch.cat([rows.x, clips.x.flatten()])) ** 2
        + (heads.y - torch.cat([rows.y, clips.y.flatten()])) ** 2
        + (heads.size - torch.cat([rows.size, clips.size.flatten()])) ** 2
    )
    visible = both(rows.face_open, clips.face_open).float()
    return {
        "visible": F.binary_cross_entropy_with_logits(heads.visible, visible),
        "place": 20 * place.mean(),
        "role": F.cross_entropy(scene.role, both(rows.role, clips.role)),
        "setting": F.cross_entropy(scene.setting, both(rows.setting, clips.setting)),
    }


class Locating(nn.Module):
    """The scene judge as a locator of heads."""

    def __init__(self, scene: SceneJudge) -> None:
        super().__init__()
        self.scene = scene

    def forward(self, frames: Tensor) -> Heads:
        """The heads of frames."""
        heads: Heads = self.scene(frames).heads
        return heads


@torch.no_grad()
def measure_scene(context: Context, judge: SceneJudge) -> dict[str, float]:
    """Shares of clips whose role, setting and action are named right, and of frames whose face is rightly seen or not."""
    renderer, _ = context.strangers(6)
    numbers: dict[str, float] = {}
    for kind, decoded in (("rendered", 0.0), ("decoded", 1.0)):
        clips, _ = renderer.clips(
            context.scale.held_out, max(2, context.scale.chunk // 16), decoded
        )
        right: dict[str, list[Tensor]] = {
            "role": [],
            "setting": [],
            "action": [],
            "face or none": [],
        }
        for rows in torch.arange(len(clips.video), device=context.device).split(64):
            part = clips.rows(rows)
            count, length = part.video.shape[:2]
            scene = judge(to_floats(part.video.flatten(0, 1)))
            action = judge.judge_action(scene, count)
            role, setting = (
                v.view(count, length, -1).mean(1).argmax(1) for v in (scene.role, scene.setting)
            )
            seen = scene.heads.visible.view(count, length) > 0
            right["role"].append(role == part.role)
            right["setting"].append(setting == part.setting)
            right["action"].append(action.argmax(1) == part.action)
            right["face or none"].append((seen == part.face_open[:, None]).float().mean(1))
        numbers |= {
            f"{name} right/{kind}": torch.cat(values).float().mean().item()
            for name, values in right.items()
        }
    return numbers
