"""Stage ``judge_attributes``: the judge's own reading of facial attributes from the frames of clips."""

from __future__ import annotations

from pathlib import Path

import torch

from tpige_kedro.mini.judge import MiniJudge
from tpige_kedro.mini.judges_training.cards import Card
from tpige_kedro.mini.judges_training.context import Context
from tpige_kedro.mini.judges_training.faces import measured_on
from tpige_kedro.mini.judges_training.loop import Course, on_device, train
from tpige_kedro.mini.judges_training.pools import to_floats
from tpige_kedro.mini.judges_training.reader import labels, reading_losses, shares_right
from tpige_kedro.mini.networks.attribute_reader import AttributeReader
from tpige_kedro.mini.networks.checkpoint import save_network

WIDTHS = (20, 36, 56, 72, 20)  # of channels; narrower than the reader of prompt enhancement
TITLE = "Mini judge of facial attributes"
PURPOSE = """Reads age, gender, skin, hair, eyes, facial hair, glasses and freckles in the frames of clips of the mini people world, for
benchmarks only: it is used neither to write a prompt nor to train a generator, nor to choose or score a clip. Heads are found by
`judge/scene`; the network reads 48x48 crops of them, and a clip's reading is the mean over the frames with a visible face. Hats and
helmets hide hair, so that the hair style cannot always be told, not even in a rendered clip."""


def train_judge_attributes(context: Context, folder: Path) -> Card:
    """Train on open faces of the judge's own people, save, and measure with the trained judge's heads."""
    pool, device, scale = context.judge_frames, context.device, context.scale
    reader = on_device(AttributeReader(WIDTHS), device)
    losses_at = reading_losses(reader, pool, pool.face_open, scale.batch)
    course = Course(scale.judge_attribute_steps)
    train([reader], losses_at, course, context.log("judge_attributes"))
    save_network(reader, folder, {"widths": WIDTHS})
    training = f"{course.steps} steps of {scale.batch} open faces of {scale.judge_people} people."
    return Card(TITLE, PURPOSE, training, measured_on(context), measure_clips(context, folder))


@torch.no_grad()
def measure_clips(context: Context, folder: Path) -> dict[str, float]:
    """Share of open-faced clips whose attributes the judge reads right, rendered and decoded; and its mean error of confidence."""
    judge = MiniJudge(context.work / "judge", context.device, attributes=folder)
    renderer, _ = context.strangers(7)
    chunk = max(2, context.scale.chunk // 16)
    numbers: dict[str, float] = {}
    for kind, decoded in (("rendered", 0.0), ("decoded", 1.0)):
        clips, people = renderer.clips(context.scale.held_out, chunk, decoded, face_open=True)
        videos = to_floats(clips.video).transpose(1, 2)
        verdict = judge(videos, references=videos[:, :, 0])
        truth = {name: values.cpu() for name, values in labels(people).items()}
        numbers |= shares_right(verdict.attributes, truth, kind)
    return numbers
