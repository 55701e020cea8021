from __future__ import annotations

from itertools import combinations

import pytest
import torch
from torch import Tensor

from tpige_kedro.mini.training.pool import face_box
from tpige_kedro.mini.world import vocabulary as words
from tpige_kedro.mini.world.backgrounds import VARIANTS
from tpige_kedro.mini.world.clips import sample_clips, sample_portraits
from tpige_kedro.mini.world.people import RANGES, People, sample_people, select
from tpige_kedro.mini.world.renderer import SIZE, World

ROLES, SETTINGS = range(len(words.ROLE_NAMES)), range(len(words.SETTING_TEXTS))
HIDING = [role for role in ROLES if role >= words.FIRST_HIDING_ROLE]
CLEARLY = 0.1  # of the range [-1, 1]: a pixel that looks different
FACE = face_box(torch.tensor([0.0, 0.05, 0.5]), SIZE) > 0  # of the neutral pose of the tests
OTHER_KINDS = {
    "gender": 1,
    "age": 2,
    "eye_colour": 2,
    "hair_style": 3,
    "hair_colour": 2,
    "facial_hair": 2,
    "glasses": 1,
    "freckles": 1,
    "mole": 0,
}


def changed(a: Tensor, b: Tensor) -> Tensor:
    """Where two pictures (3, S, S) look different."""
    return (a - b).abs().amax(0) > CLEARLY


def draw_clip(world: World, people: People, seed: int, **changes: int) -> tuple[Tensor, dict]:
    n = len(people["age"])
    kinds = {"role": 3, "setting": 1, "action": 0, **changes}
    ones = torch.ones(n, dtype=torch.long)
    return sample_clips(
        world,
        people,
        5,
        *(kinds[name] * ones for name in ("role", "setting", "action")),
        ones.float(),
        generator=torch.Generator().manual_seed(seed),
    )


def test_clips_have_the_shape_and_range_that_they_say(world: World, people: People) -> None:
    video, pose = draw_clip(world, select(people, slice(0, 2)), seed=3)
    assert video.shape == (2, 3, 5, SIZE, SIZE) and video.dtype == torch.float32
    assert video.min() >= -1 and video.max() <= 1 and video.std() > 0.2
    assert all(values.shape == (2, 5) for values in pose.values())


def test_a_seed_gives_the_same_pixels_and_another_seed_others(people: People) -> None:
    two = select(people, slice(0, 2))
    first, again, other = (draw_clip(World(), two, seed)[0] for seed in (3, 3, 4))
    assert torch.equal(first, again)
    assert (first - other).abs().mean() > 0.02


def test_a_portrait_is_one_still_in_plain_clothes_before_a_wall(
    world: World, people: People
) -> None:
    portraits, pose = sample_portraits(world, people, torch.Generator().manual_seed(5))
    assert portraits.shape == (len(people["age"]), 3, SIZE, SIZE)
    assert pose["head_size"].min() >= 0.5 and pose["yaw"].abs().max() <= 0.25
    corners = torch.stack([portraits[..., 0, 0], portraits[..., 0, -1]])
    assert (corners.amax(2) - corners.amin(2)).max() < 0.4, "a wall is nearly gray"


@pytest.mark.parametrize("role", HIDING, ids=[words.ROLE_NAMES[role] for role in HIDING])
def test_a_hiding_role_covers_the_face_unless_it_is_open(draw, role: int) -> None:
    closed, opened = (draw(role=role, face_open=float(shown))[0] for shown in (False, True))
    assert changed(closed, opened)[FACE].float().mean() > 0.25
    # under a closed mask two people look (nearly) alike in the lower half of the face, where all masks are
    man = {"mouth_width": 0.16, "nose_width": 0.06, "lip": 0.035}
    woman = {"mouth_width": 0.34, "nose_width": 0.15, "lip": 0.085}
    hidden = changed(*(draw(p, role=role, face_open=0.0)[0] for p in (man, woman)))
    shown = changed(*(draw(p, role=role, face_open=1.0)[0] for p in (man, woman)))
    assert shown.sum() > 10 and hidden.sum() < shown.sum() / 4


def test_roles_that_do_not_hide_never_cover_the_face(draw) -> None:
    showing = [role for role in ROLES if role not in HIDING]
    closed, opened = (draw(role=showing, face_open=shown) for shown in (0.0, 1.0))
    assert torch.equal(closed, opened)
    middle = face_box(torch.tensor([0.0, 0.15, 0.2]), SIZE) > 0  # eyes, nose and mouth
    for picture in opened[1:]:
        assert not changed(picture, opened[0])[middle].any()


@pytest.mark.parametrize(
    ("parameter", "values"),
    [("role", ROLES), ("setting", [*SETTINGS, words.STUDIO]), ("shirt", range(len(words.SHIRTS)))],
)
def test_everything_that_has_a_name_looks_different(draw, parameter: str, values: range) -> None:
    pictures = draw(**{parameter: list(values)})
    for a, b in combinations(pictures, 2):
        assert changed(a, b).float().mean() > 0.02


def test_each_setting_has_many_backdrops(draw) -> None:
    for setting in [*SETTINGS, words.STUDIO]:
        pictures = draw(setting=setting, backdrop=list(range(VARIANTS)))
        assert all(not torch.equal(a, b) for a, b in combinations(pictures, 2))


@pytest.mark.parametrize("parameter", [*RANGES, *OTHER_KINDS])
def test_every_identity_parameter_changes_the_picture(draw, parameter: str) -> None:
    low, high = RANGES.get(parameter, (None, None))
    if low is None:
        pictures = draw(), draw({parameter: OTHER_KINDS[parameter]})
    else:
        pictures = draw({parameter: low}), draw({parameter: high})
    assert (pictures[0] - pictures[1]).abs().max() > 0.05


def test_there_are_enough_identity_parameters() -> None:
    people = sample_people(3, torch.Generator().manual_seed(1))
    assert set(people) == {*RANGES, *OTHER_KINDS} and len(people) >= 14
