from __future__ import annotations

import torch

from tpige_kedro.mini.world import vocabulary as words
from tpige_kedro.mini.world.people import RANGES, People, sample_people, select

N = 4000
COUNTS = {
    "gender": words.GENDERS,
    "age": words.AGES,
    "eye_colour": words.EYE_COLOURS,
    "hair_style": words.HAIR_STYLES,
    "hair_colour": words.HAIR_COLOURS,
    "facial_hair": words.FACIAL_HAIR,
    "glasses": words.GLASSES,
    "freckles": (False, True),
    "mole": (False, True),
}


def crowd(seed: int = 11) -> People:
    return sample_people(N, torch.Generator().manual_seed(seed))


def test_continuous_parameters_fill_their_ranges() -> None:
    people = crowd()
    for name, (low, high) in RANGES.items():
        values = people[name]
        assert values.shape == (N,) and values.min() >= low and values.max() <= high
        share = (values - low) / (high - low)
        assert share.min() < 0.01 and share.max() > 0.99 and abs(share.mean() - 0.5) < 0.03, name


def test_discrete_parameters_take_every_value_that_has_a_name_and_no_other() -> None:
    people = crowd()
    for name, names in COUNTS.items():
        assert sorted(people[name].unique().tolist()) == list(range(len(names))), name
        assert people[name].bincount().min() > 0.02 * N, name


def test_women_have_neither_beards_nor_bald_heads() -> None:
    people = crowd()
    women = select(people, (people["gender"] == words.GENDERS.index("woman")).nonzero()[:, 0])
    men = select(people, (people["gender"] == words.GENDERS.index("man")).nonzero()[:, 0])
    assert (women["facial_hair"] == 0).all() and (women["hair_style"] != words.BALD).all()
    assert (men["facial_hair"] > 0).any() and (men["hair_style"] == words.BALD).any()


def test_only_old_hair_is_gray_or_white() -> None:
    people = crowd()
    gray = people["hair_colour"] >= 4
    assert tuple(words.HAIR_COLOURS)[4:] == ("gray", "white")
    assert (people["age"][gray] == words.AGES.index("elderly")).all()
    assert 0.7 < gray[people["age"] == 2].float().mean() < 0.9


def test_a_seed_repeats_and_people_differ() -> None:
    first, again, other = crowd(1), crowd(1), crowd(2)
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not torch.equal(first["jaw"], other["jaw"])
    faces = torch.stack([first[name] for name in RANGES], 1)
    assert len(faces.unique(dim=0)) == N


def test_select_keeps_rows_together() -> None:
    people = crowd()
    picked = select(people, torch.tensor([7, 3]))
    assert all(torch.equal(picked[name], people[name][[7, 3]]) for name in people)
