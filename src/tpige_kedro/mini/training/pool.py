"""The training set: clips, stills and references, rendered once and kept as bytes on the device."""

from __future__ import annotations

import random
from dataclasses import dataclass

import torch
from torch import Tensor

from tpige_kedro.mini.training.recipe import Recipe
from tpige_kedro.mini.world import vocabulary as words
from tpige_kedro.mini.world.captions import attributes_of, caption, thin_out
from tpige_kedro.mini.world.clips import sample_clips
from tpige_kedro.mini.world.motion import Pose
from tpige_kedro.mini.world.people import People, sample_people
from tpige_kedro.mini.world.renderer import World

NO_REFERENCE, PLAIN_REFERENCE, ATTIRE_REFERENCE = range(3)


@dataclass
class Pool:
    """Clips first, then stills; ``references``, ``kind``, ``captions`` run over both. Pictures are uint8.

    clips (n, T, 3, S, S), stills (m, 3, S, S), references (n + m, 3, S, S), kind (n + m,),
    poses (…, 3) = head x, y and size of every picture.
    """

    clips: Tensor
    stills: Tensor
    references: Tensor
    kind: Tensor
    captions: list[str]
    clip_poses: Tensor
    still_poses: Tensor
    reference_poses: Tensor


def to_bytes(pictures: Tensor) -> Tensor:
    """[-1, 1] to uint8."""
    return ((pictures + 1) * 127.5).round().clamp(0, 255).byte()


def to_floats(pictures: Tensor) -> Tensor:
    """uint8 to [-1, 1]."""
    return pictures.float() / 127.5 - 1


def held_out(role: Tensor, setting: Tensor, people: People) -> Tensor:
    """The combinations of role, setting and hair style that no clip or still of the training shows (one in eleven)."""
    return (3 * role + 5 * setting + people["hair_style"]) % 11 == 0


@torch.no_grad()
def render_pool(recipe: Recipe, device: torch.device | str, seed: int) -> Pool:
    """Render everything; deterministic for a seed and a kind of device."""
    world = World(device=device)
    generator = torch.Generator(device=device).manual_seed(seed)
    rng = random.Random(seed)
    size = world.size
    parts: dict[str, list[Tensor]] = {
        k: [] for k in ("still", "reference", "kind", "clip_pose", "still_pose", "ref_pose")
    }
    clips = torch.empty(
        recipe.clips, recipe.frames, 3, size, size, dtype=torch.uint8, device=device
    )
    captions: list[str] = []
    for still, total, batch in (
        (False, recipe.clips, recipe.render_batch),
        (True, recipe.stills, 4 * recipe.render_batch),
    ):
        for start in range(0, total, batch):
            n = min(batch, total - start)
            video, pose, reference, reference_pose, kind, texts = _draw(
                world, recipe, n, still, generator, rng
            )
            if still:
                parts["still"].append(to_bytes(video[:, :, 0]))
            else:
                clips[start : start + n] = to_bytes(video.transpose(1, 2))
            parts["still_pose" if still else "clip_pose"].append(_positions(pose))
            parts["reference"].append(to_bytes(reference))
            parts["ref_pose"].append(_positions(reference_pose))
            parts["kind"].append(kind)
            captions += texts
    return Pool(
        clips=clips,
        stills=torch.cat(parts["still"]),
        references=torch.cat(parts["reference"]),
        kind=torch.cat(parts["kind"]),
        captions=captions,
        clip_poses=torch.cat(parts["clip_pose"]),
        still_poses=torch.cat(parts["still_pose"])[:, 0],
        reference_poses=torch.cat(parts["ref_pose"])[:, 0],
    )


def _draw(
    world: World,
    recipe: Recipe,
    n: int,
    still: bool,
    generator: torch.Generator,
    rng: random.Random,
) -> tuple[Tensor, Pose, Tensor, Pose, Tensor, list[str]]:
    """One batch of training items: video, its pose, reference, its pose, kind and captions."""
    device = world.device

    def integer(count: int) -> Tensor:
        return torch.randint(0, count, (n,), device=device, generator=generator)

    def chance(probability: float | Tensor) -> Tensor:
        return torch.rand(n, device=device, generator=generator) < probability

    people = sample_people(n, generator, device)
    role, setting, action = (
        integer(len(words.ROLE_NAMES)),
        integer(len(words.SETTING_TEXTS)),
        integer(6),
    )
    setting = torch.where(held_out(role, setting, people), (setting + 1) % 6, setting)
    if still:
        setting = torch.where(chance(0.4), words.STUDIO, setting)
    draw = torch.rand(n, device=device, generator=generator)
    kind = torch.where(draw < recipe.share_attire_reference, ATTIRE_REFERENCE, PLAIN_REFERENCE)
    kind = torch.where(draw > 1 - recipe.share_no_reference, NO_REFERENCE, kind)
    has_clause = chance(recipe.share_clause)
    face_open = chance(_open_probability(recipe, kind, has_clause)) | (
        role < words.FIRST_HIDING_ROLE
    )
    frames = 1 if still else recipe.frames
    video, pose = sample_clips(
        world,
        people,
        frames,
        role,
        setting,
        action,
        face_open.float(),
        portrait=still,
        generator=generator,
    )
    in_attire = kind == ATTIRE_REFERENCE
    reference, reference_pose = sample_clips(
        world,
        people,
        1,
        torch.where(in_attire, role, words.PLAIN),
        torch.where(in_attire & chance(0.5), integer(6), words.STUDIO),
        action,
        torch.ones(n, device=device),
        portrait=True,
        generator=generator,
    )
    texts = _captions(people, role, setting, None if still else action, has_clause, rng)
    return video, pose, reference[:, :, 0], reference_pose, kind, texts


def _open_probability(recipe: Recipe, kind: Tensor, has_clause: Tensor) -> Tensor:
    table = torch.tensor(
        [
            recipe.open_without_reference,
            recipe.open_with_plain_reference,
            recipe.open_with_attire_reference,
        ],
        device=kind.device,
    )
    return torch.where(has_clause, recipe.open_with_clause, table[kind])


def _captions(
    people: People,
    role: Tensor,
    setting: Tensor,
    action: Tensor | None,
    has_clause: Tensor,
    rng: random.Random,
) -> list[str]:
    columns = {name: values.tolist() for name, values in people.items()}
    roles, settings, clauses = role.tolist(), setting.tolist(), has_clause.tolist()
    actions = action.tolist() if action is not None else [None] * len(roles)
    texts = []
    for i in range(len(roles)):
        attributes = None
        if clauses[i]:
            person = {name: values[i] for name, values in columns.items()}
            attributes = thin_out(attributes_of(person), rng.choice([1.0, 0.8, 0.6]), rng)
        texts.append(caption(roles[i], settings[i], actions[i], attributes, rng))
    return texts


def _positions(pose: Pose) -> Tensor:
    return torch.stack([pose["head_x"], pose["head_y"], pose["head_size"]], -1)


def face_box(poses: Tensor, size: int) -> Tensor:
    """1 inside the ellipse of the face, 0 outside: (…, size, size) for poses (…, 3)."""
    axis = (torch.arange(size, device=poses.device) + 0.5) / size * 2 - 1
    x, y, half = (poses[..., i, None, None] for i in range(3))
    across = (axis[None, :] - x) / (0.95 * half)
    down = (axis[:, None] - y) / (1.1 * half)
    return (across**2 + down**2 < 1).float()
