"""Held-out (person, prompt) pairs of the mini world, rendered with the truth that only a benchmark may know."""

from __future__ import annotations

import random
from dataclasses import dataclass

import torch
from PIL import Image
from torch import Tensor

from tpige_kedro.mini.judges_training.reader import labels
from tpige_kedro.mini.text_match import Asked
from tpige_kedro.mini.training.pool import held_out
from tpige_kedro.mini.world import vocabulary as words
from tpige_kedro.mini.world.captions import caption
from tpige_kedro.mini.world.clips import sample_clips, sample_portraits
from tpige_kedro.mini.world.people import People, sample_people
from tpige_kedro.mini.world.renderer import World

FRAMES = 17


@dataclass
class Pairs:
    """``n`` pairs: the original prompt, the reference picture, the truth of the scene, and a rendered clip that shows it.

    truth (n, 3, T, S, S) with the face open; references (n, 3, S, S), and pictures of the same people in other poses; all in [-1, 1]. role, setting, action (n,);
    attributes: the true facial attributes (n,) by name, on the CPU.
    """

    ids: list[str]
    prompts: list[str]
    pictures: list[Image.Image]
    references: Tensor
    others: Tensor
    truth: Tensor
    role: Tensor
    setting: Tensor
    action: Tensor
    attributes: dict[str, Tensor]

    @property
    def asked(self) -> Asked:
        """What a clip of each pair should show."""
        return Asked(self.role, self.setting, self.action, self.attributes)

    @property
    def hides(self) -> Tensor:
        """True where the role hides the face unless the prompt describes it."""
        return self.role >= words.FIRST_HIDING_ROLE


def draw_pairs(n: int, seed: int, unseen_combinations: bool, device: torch.device) -> Pairs:
    """People whom no training saw; half of them in face-hiding roles, the plain person left out.

    ``unseen_combinations``: also role, setting and hair style together were never seen; otherwise only seen ones are drawn.
    """
    generator = torch.Generator().manual_seed(seed)
    rng = random.Random(seed)
    drawn = max(4 * n, 64)  # of which not all have a setting of this slice
    people = sample_people(drawn, generator)
    role = torch.randint(0, 4, (drawn,), generator=generator) + 1
    hiding = torch.randint(
        words.FIRST_HIDING_ROLE, len(words.ROLE_NAMES), (drawn,), generator=generator
    )
    role = torch.where(torch.arange(drawn) % 2 == 0, hiding, role)
    setting, found = _settings(role, people["hair_style"], unseen_combinations, rng)
    kept = _half_and_half(found, n)
    people = {name: values[kept].to(device) for name, values in people.items()}
    role, setting = role[kept], setting[kept]
    action = torch.randint(0, len(words.ACTION_TEXTS), (n,), generator=generator)
    on_device = torch.Generator(device=device).manual_seed(seed)
    world = World(device=device)
    references, _ = sample_portraits(world, people, on_device)
    scene = (role.to(device), setting.to(device), action.to(device), torch.ones(n, device=device))
    truth, _ = sample_clips(world, people, FRAMES, *scene, generator=on_device)
    others = _in_other_poses(world, people, action.to(device), on_device)  # last: all before stays
    return Pairs(
        ids=[f"{'new' if unseen_combinations else 'seen'}{i:04d}" for i in range(n)],
        prompts=[
            caption(int(role[i]), int(setting[i]), int(action[i]), None, rng) for i in range(n)
        ],
        pictures=[_picture(reference) for reference in references],
        references=references,
        others=others,
        truth=truth,
        role=role,
        setting=setting,
        action=action,
        attributes={name: values.cpu() for name, values in labels(people).items()},
    )


def _in_other_poses(
    world: World, people: People, action: Tensor, generator: torch.Generator
) -> Tensor:
    """A picture (n, 3, S, S) of each person in plain clothes before a studio wall, in the middle of an action: no neutral portrait."""
    same = torch.ones_like(action)
    scene = (words.PLAIN * same, words.STUDIO * same, action, same.float())
    video, _ = sample_clips(world, people, 1, *scene, generator=generator)
    return video[:, :, 0]


def _settings(
    role: Tensor, hair_style: Tensor, unseen: bool, rng: random.Random
) -> tuple[Tensor, Tensor]:
    """A setting per person among those that are (un)seen with their role and hair; False where there is none."""
    chosen, found = [], []
    for person_role, style in zip(role.tolist(), hair_style.tolist(), strict=True):
        options = [
            s
            for s in range(len(words.SETTING_TEXTS))
            if bool(
                held_out(
                    torch.tensor(person_role), torch.tensor(s), {"hair_style": torch.tensor(style)}
                )
            )
            == unseen
        ]
        chosen.append(rng.choice(options) if options else 0)
        found.append(bool(options))
    return torch.tensor(chosen), torch.tensor(found)


def _half_and_half(found: Tensor, n: int) -> Tensor:
    """The first n / 2 usable people of either kind of role, alternating."""
    hiding, open_faced = (
        found.nonzero()[:, 0][found.nonzero()[:, 0] % 2 == k][: n // 2] for k in (0, 1)
    )
    if len(hiding) + len(open_faced) < n:
        raise ValueError(
            f"only {len(hiding) + len(open_faced)} of {n} pairs could be drawn; n must be even"
        )
    return torch.stack([hiding, open_faced], 1).flatten()


def _picture(reference: Tensor) -> Image.Image:
    pixels = ((reference.permute(1, 2, 0) + 1) * 127.5).round().clamp(0, 255).byte().cpu().numpy()
    return Image.fromarray(pixels)
