from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from tpige_kedro.mini.training import pool as module
from tpige_kedro.mini.training.pool import (
    ATTIRE_REFERENCE,
    NO_REFERENCE,
    PLAIN_REFERENCE,
    Pool,
    face_box,
    held_out,
    render_pool,
    to_bytes,
    to_floats,
)
from tpige_kedro.mini.training.recipe import TINY
from tpige_kedro.mini.world import vocabulary as words
from tpige_kedro.mini.world.clips import sample_clips

RECIPE = replace(TINY, clips=60, stills=40, frames=5, render_batch=30)


class Drawn(dict[str, torch.Tensor]):
    """What the scenes of a pool show: the arguments of all calls of the renderer, clips and stills apart."""


@pytest.fixture(scope="module")
def recorded() -> tuple[Pool, list[Drawn]]:
    """A pool and what its clips and stills show (references left out), as the renderer was told."""
    calls: list[Drawn] = []

    def spy(world, people, frames, role, setting, action, face_open, **options):
        values = {"role": role, "setting": setting, "face_open": face_open}
        calls.append(Drawn(**values, hair_style=people["hair_style"]))
        return sample_clips(world, people, frames, role, setting, action, face_open, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "sample_clips", spy)
        pool = render_pool(RECIPE, "cpu", seed=1000)
    return pool, calls[::2]  # each scene, then its reference


def test_a_pool_holds_what_the_recipe_says(recorded: tuple[Pool, list[Drawn]]) -> None:
    pool, _ = recorded
    assert pool.clips.shape == (60, 5, 3, 80, 80) and pool.clips.dtype == torch.uint8
    assert pool.stills.shape == (40, 3, 80, 80)
    assert pool.references.shape == (100, 3, 80, 80)
    assert pool.clip_poses.shape == (60, 5, 3) and pool.still_poses.shape == (40, 3)
    assert len(pool.captions) == len(pool.kind) == len(pool.reference_poses) == 100
    assert set(pool.kind.tolist()) == {NO_REFERENCE, PLAIN_REFERENCE, ATTIRE_REFERENCE}
    assert all(text.startswith("A video of") for text in pool.captions[:60])
    assert all(text.startswith("A portrait photo of") for text in pool.captions[60:])
    with_clause = sum("," in text for text in pool.captions) / 100
    assert 0.35 < with_clause < 0.75


def test_captions_tell_of_the_scenes_they_stand_by(recorded: tuple[Pool, list[Drawn]]) -> None:
    pool, calls = recorded
    roles = torch.cat([call["role"] for call in calls]).tolist()
    settings = torch.cat([call["setting"] for call in calls]).tolist()
    for text, role, setting in zip(pool.captions, roles, settings, strict=True):
        assert words.ROLE_NAMES[role] in text
        said = [place in text for place in words.SETTING_TEXTS]
        assert said == [setting == i for i in range(len(said))]


def test_held_out_combinations_are_in_no_clip_and_no_still(
    recorded: tuple[Pool, list[Drawn]],
) -> None:
    _, calls = recorded
    assert sum(len(call["role"]) for call in calls) == 100
    for call in calls:
        assert not (held_out(call["role"], call["setting"], call) & _in_a_place(call)).any()


def _in_a_place(call: Drawn) -> torch.Tensor:
    return call["setting"] != words.STUDIO


def test_one_combination_in_eleven_is_held_out_and_its_replacement_never() -> None:
    role, setting, hair = torch.cartesian_prod(
        *(torch.arange(len(names)) for names in (words.ROLES, words.SETTINGS, words.HAIR_STYLES))
    ).T
    out = held_out(role, setting, {"hair_style": hair})
    assert abs(out.float().mean() - 1 / 11) < 0.01
    assert not held_out(role, (setting + 1) % 6, {"hair_style": hair})[out].any()


def test_only_hiding_roles_are_ever_closed(recorded: tuple[Pool, list[Drawn]]) -> None:
    _, calls = recorded
    role, shown = (torch.cat([call[k] for call in calls]) for k in ("role", "face_open"))
    assert (shown[role < words.FIRST_HIDING_ROLE] == 1).all()
    assert 0.1 < shown[role >= words.FIRST_HIDING_ROLE].mean() < 0.9


def test_a_seed_repeats_the_pool(recorded: tuple[Pool, list[Drawn]]) -> None:
    pool, _ = recorded
    again, other = (render_pool(RECIPE, "cpu", seed=seed) for seed in (1000, 1001))
    assert torch.equal(again.clips, pool.clips) and again.captions == pool.captions
    assert torch.equal(again.references, pool.references)
    assert not torch.equal(other.clips, pool.clips)


def test_bytes_and_floats_are_inverse() -> None:
    every = torch.arange(256, dtype=torch.uint8)
    assert torch.equal(to_bytes(to_floats(every)), every)
    assert to_floats(every).min() == -1 and to_floats(every).max() == 1
    assert to_bytes(torch.tensor([-1.2, 1.2])).tolist() == [0, 255]


def test_the_box_of_a_face_is_an_ellipse_around_the_head() -> None:
    box = face_box(torch.tensor([[0.0, 0.0, 0.5], [0.5, 0.0, 0.25]]), 80)
    assert box.shape == (2, 80, 80)
    y, x = (axis.float().mean() for axis in box[1].nonzero().T)
    assert abs(y - 39.5) < 0.1 and abs(x - 59.5) < 0.1
    area = 3.1416 * (0.95 * 0.5 * 40) * (1.1 * 0.5 * 40)
    assert abs(box[0].sum() - area) < 0.02 * area
