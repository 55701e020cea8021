"""Stage ``alignment``: the cosine of a text and a frame becomes the share of the text's statements that the frame shows."""

from __future__ import annotations

import random
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tpige_kedro.mini.judges_training import faults
from tpige_kedro.mini.judges_training.cards import Card
from tpige_kedro.mini.judges_training.claims import SIZE, as_columns, facts, person_at, random_texts
from tpige_kedro.mini.judges_training.context import TEXTS, Context
from tpige_kedro.mini.judges_training.faces import as_channels_last, measured_on
from tpige_kedro.mini.judges_training.loop import Course, Losses, autocast, draw, on_device, train
from tpige_kedro.mini.judges_training.pools import Frames
from tpige_kedro.mini.networks.alignment import UNKNOWN, WIDTH, TextFrameAlignment, build_vocabulary
from tpige_kedro.mini.networks.checkpoint import save_network
from tpige_kedro.mini.world.captions import attributes_of, caption

TOP = 0.6  # cosine of a text that is true of the frame in every word
UNKNOWN_SHARE = 0.02  # of the words, hidden in training
DAMAGED_SHARE = 0.2  # of the frames, for each of blur and noise
JUNK_SHARE = 16  # one frame of so many shows nothing at all
LOSS_SCALE = 100.0
PROBE_SCALE = 10.0  # of the vectors that linear probes read; they are dropped after training
TITLE = "Mini text-image alignment"
PURPOSE = f"""A frame tower and a text tower for the mini people world, behind `MiniAlignmentScorer` (the role of GME). Their cosine
was trained to be {TOP} times the share of the text's statements (role, setting, action, attributes of the face, by weight) that the
frame shows: 0 for a frame that shows nothing, {TOP} where everything is true; blur, noise and wrong exposure take up to half each.
Most actions can hardly be told from one frame."""


def train_alignment(context: Context, folder: Path) -> Card:
    """Train, save and measure both towers."""
    pool, device, scale = context.frames, context.device, context.scale
    texts, claims = random_texts(
        context.renderer(TEXTS).people(scale.texts), random.Random(context.seed)
    )
    vocabulary = build_vocabulary(texts)
    network = on_device(TextFrameAlignment(vocabulary), device)
    probes = on_device(nn.ModuleList([nn.Linear(WIDTH, SIZE), nn.Linear(WIDTH, SIZE)]), device)
    ids, claims = network.tokenize(texts).to(device), claims.to(device)

    def losses_at(progress: float) -> Losses:
        rows = pool.rows(draw(len(pool), scale.batch, device))
        pictures, shown, legible = some_without_content(rows)
        chosen = fitting_and_random(shown, claims)
        with autocast(device):
            frames = network.frames(as_channels_last(pictures))
            said = network.texts(hide_words(ids[chosen]))
        off = frames @ said.T - TOP * legible[:, None] * (shown @ claims[chosen].T)
        guesses = [probe(PROBE_SCALE * v) for probe, v in zip(probes, (frames, said), strict=True)]
        truths = (shown, (claims[chosen] > 0).float())
        probed = [
            F.binary_cross_entropy_with_logits(*pair) for pair in zip(guesses, truths, strict=True)
        ]
        return {
            "agreement": LOSS_SCALE * off.square().mean(),
            "frame probe": probed[0],
            "text probe": probed[1],
        }

    train([network, probes], losses_at, Course(scale.alignment_steps), context.log("alignment"))
    save_network(network, folder, {"vocabulary": vocabulary})
    training = f"{scale.alignment_steps} steps of {scale.batch} frames x {scale.batch} texts of {scale.texts}."
    return Card(TITLE, PURPOSE, training, measured_on(context), measure_alignment(context, network))


def some_without_content(rows: Frames) -> tuple[Tensor, Tensor, Tensor]:
    """Pictures as a clip file gives them, a few damaged or void; what they show; how much of it is left to see (n,)."""
    pictures, legible = faults.degraded(faults.seen(rows.images()), DAMAGED_SHARE)
    shown = facts(rows)
    void = max(1, len(rows) // JUNK_SHARE)
    shown[:void] = 0
    noise = torch.randn_like(pictures[:void]) * faults.uniform(pictures[:void], 0.0, 0.8)
    blank = torch.rand(void, 3, 1, 1, device=pictures.device) * 2 - 1
    return torch.cat([(blank + noise).clamp(-1, 1), pictures[void:]]), shown, legible


@torch.no_grad()
def fitting_and_random(shown: Tensor, claims: Tensor) -> Tensor:
    """Rows of texts: for half of the frames the one that fits best, then as many at random."""
    half = len(shown) // 2
    agreement = shown[-half:] @ claims.T
    best = (agreement + 0.02 * torch.rand_like(agreement)).argmax(1)
    return torch.cat([best, draw(len(claims), len(shown) - half, shown.device)])


def hide_words(ids: Tensor) -> Tensor:
    """Some words become unknown, as a user's own words are."""
    hidden = (torch.rand(ids.shape, device=ids.device) < UNKNOWN_SHARE) & (ids > UNKNOWN)
    return ids.masked_fill(hidden, UNKNOWN)


@torch.no_grad()
def measure_alignment(context: Context, network: TextFrameAlignment) -> dict[str, float]:
    """Mean score of true captions, and of captions with one thing wrong; the share of frames that rank the two right."""
    renderer, people = context.strangers(4)
    count = len(people["age"])
    everyone = torch.arange(count, device=context.device)
    numbers: dict[str, float] = {}
    for kind, decoded in (("rendered", False), ("decoded", True)):
        rows = renderer.single_frames(people, count, False, decoded, everyone)
        rows = rows.rows(rows.face_open.nonzero()[:, 0])
        texts = {
            name: network.texts(network.tokenize(lines).to(context.device))
            for name, lines in wrong_captions(rows).items()
        }
        pictures = rows.images()
        frames = network.frames(pictures)
        blurry = network.frames(faults.gaussian_blur(pictures, 2.0))
        noisy = network.frames(pictures + 0.3 * torch.randn_like(pictures))
        scores = {name: (frames * text).sum(1) for name, text in texts.items()}
        scores["true of a blurred frame"] = (blurry * texts["true"]).sum(1)
        scores["true of a noisy frame"] = (noisy * texts["true"]).sum(1)
        for name, values in scores.items():
            numbers[f"{name}/{kind}"] = values.mean().item()
            if name.startswith("wrong"):
                better = scores["true with clause"] if "clause" in name else scores["true"]
                numbers[f"{name} ranked below/{kind}"] = (better > values).float().mean().item()
    return numbers


def wrong_captions(rows: Frames) -> dict[str, list[str]]:
    """For each frame its true caption, with and without clause, and captions with one wrong statement."""
    columns = as_columns(rows.people)
    texts: dict[str, list[str]] = {}
    for r, s, a, p in zip(
        *(t.tolist() for t in (rows.role, rows.setting, rows.action, rows.person)), strict=True
    ):
        person = person_at(columns, p)
        hair = person | {"hair_colour": (person["hair_colour"] + 2) % 6}
        eyes = person | {"eye_colour": (person["eye_colour"] + 1) % 5}
        variants = {
            "true": (r, s, a, None),
            "wrong role": ((r + 3) % 10, s, a, None),
            "wrong setting": (r, (s + 2) % 6, a, None),
            "wrong action": (r, s, (a + 1) % 6, None),
            "true with clause": (r, s, a, attributes_of(person)),
            "wrong hair in clause": (r, s, a, attributes_of(hair)),
            "wrong eyes in clause": (r, s, a, attributes_of(eyes)),
        }
        for name, (role, setting, action, attributes) in variants.items():
            texts.setdefault(name, []).append(caption(role, setting, action, attributes))
    return texts
