"""What text match must be for any verdict: a share, 1 for a perfect clip, and nothing for a face that is never seen."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from tpige_kedro.errors import ModelError
from tpige_kedro.mini.judge import Verdict
from tpige_kedro.mini.networks.attribute_reader import ATTRIBUTES, NOT_SEEN
from tpige_kedro.mini.networks.judge import ACTION_COUNT, ROLE_COUNT, SETTING_COUNT
from tpige_kedro.mini.text_match import (
    Asked,
    all_right,
    attributes_right,
    attributes_right_when_seen,
    attributes_shown,
    text_match,
)

SCENE = {"role": ROLE_COUNT, "setting": SETTING_COUNT, "action": ACTION_COUNT}
Case = tuple[Verdict, Asked]


def verdict_of(
    role: Tensor, setting: Tensor, action: Tensor, face_rate: Tensor, attributes: dict[str, Tensor]
) -> Verdict:
    numbers = [p.argmax(1) for p in (role, setting, action)]
    return Verdict(*numbers, *(face_rate,) * 4, role, setting, action, attributes=attributes)


def perfect(asked: Asked, face_rate: Tensor) -> Verdict:
    """The verdict on clips that show what was asked for beyond doubt, where there is a face."""

    def certain(value: Tensor, count: int) -> Tensor:
        return torch.nn.functional.one_hot(value.clamp(min=0), count).float()

    seen = (face_rate > 0)[:, None]
    return verdict_of(
        *(certain(getattr(asked, name), count) for name, count in SCENE.items()),
        face_rate,
        {name: certain(asked.attributes[name], count) * seen for name, count in ATTRIBUTES.items()},
    )


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Random verdicts on random wishes; some faces never seen, some heads bald."""
    n = draw(st.integers(1, 5))
    torch.manual_seed(draw(st.integers(0, 10_000)))
    peak = draw(st.sampled_from([0.1, 1.0, 20.0]))
    face_rate = torch.rand(n) * (torch.rand(n) < 0.7)
    seen = (face_rate > 0)[:, None]

    def guess(count: int) -> Tensor:
        return (peak * torch.randn(n, count)).softmax(1)

    attributes = {name: guess(count) * seen for name, count in ATTRIBUTES.items()}
    verdict = verdict_of(*(guess(c) for c in SCENE.values()), face_rate, attributes)
    wished = {name: torch.randint(0, count, (n,)) for name, count in ATTRIBUTES.items()}
    wished["hair_colour"][torch.rand(n) < 0.3] = NOT_SEEN
    return verdict, Asked(*(torch.randint(0, c, (n,)) for c in SCENE.values()), wished)


@settings(max_examples=60)
@given(cases())
def test_every_measure_is_a_share_and_an_unseen_face_shows_no_attribute(case: Case) -> None:
    verdict, asked = case
    shown, right, whole = (
        f(verdict, asked) for f in (attributes_shown, attributes_right, text_match)
    )
    for values in (shown, right, whole):
        assert values.shape == verdict.face_rate.shape
        assert ((values >= 0) & (values <= 1 + 1e-6)).all()
    assert (torch.stack([shown, right]) <= verdict.face_rate + 1e-6).all()
    unseen = verdict.face_rate == 0
    assert (shown[unseen] == 0).all() and (right[unseen] == 0).all()
    assert (whole[unseen] <= 0.75 + 1e-6).all()


@settings(max_examples=40)
@given(cases())
def test_a_perfect_clip_matches_by_the_share_of_frames_with_a_face(case: Case) -> None:
    verdict, asked = case
    every_frame = torch.ones_like(verdict.face_rate)
    for measure in (text_match, attributes_shown, attributes_right, all_right):
        assert torch.allclose(measure(perfect(asked, every_frame), asked), every_frame)
    some = perfect(asked, verdict.face_rate)
    assert torch.allclose(text_match(some, asked), 0.75 + verdict.face_rate / 4)


@settings(max_examples=40)
@given(cases(), st.sampled_from(["role", "setting", "action", *ATTRIBUTES]))
def test_one_thing_wrong_costs_its_weight(case: Case, name: str) -> None:
    asked = case[1]
    verdict = perfect(asked, torch.ones_like(case[0].face_rate))
    if name in SCENE:
        wrong = asked._replace(**{name: (getattr(asked, name) + 1) % SCENE[name]})
        cost = torch.full_like(verdict.face_rate, 0.25)
    else:
        value, count = asked.attributes[name], ATTRIBUTES[name]
        other = torch.where(value == NOT_SEEN, value, (value + 1) % count)
        wrong = asked._replace(attributes={**asked.attributes, name: other})
        known = torch.stack([v != NOT_SEEN for v in asked.attributes.values()]).sum(0)
        cost = (value != NOT_SEEN) * 0.25 / known
    assert torch.allclose(text_match(verdict, wrong), 1 - cost, atol=1e-6)


def test_the_hair_colour_of_the_bald_does_not_count() -> None:
    wished = {name: torch.zeros(2, dtype=torch.long) for name in ATTRIBUTES}
    zero = torch.zeros(2, dtype=torch.long)
    asked = Asked(zero, zero, zero, {**wished, "hair_colour": torch.tensor([NOT_SEEN, 0])})
    verdict = perfect(asked, torch.ones(2))
    verdict.attributes["hair_colour"][:] = 0
    verdict.attributes["hair_colour"][:, 3] = 1  # red hair, read with certainty
    parts = len(ATTRIBUTES)
    assert attributes_right(verdict, asked).tolist() == pytest.approx([1.0, (parts - 1) / parts])


@pytest.mark.parametrize("wrong", ["nothing", "role", "setting", "action", *ATTRIBUTES])
def test_all_is_right_only_where_nothing_is_wrong(wrong: str) -> None:
    """The first clip shows what was asked, the second but for one thing, the third shows no face."""
    zero = torch.zeros(3, dtype=torch.long)
    asked = Asked(zero, zero, zero, dict.fromkeys(ATTRIBUTES, zero))
    shown = perfect(asked, torch.tensor([0.5, 1.0, 0.0]))
    if wrong in ATTRIBUTES:
        shown.attributes[wrong][1] = shown.attributes[wrong][1].roll(1)
    elif wrong != "nothing":
        shown = shown._replace(**{wrong: torch.tensor([0, 1, 0])})
    assert all_right(shown, asked).tolist() == [1.0, float(wrong == "nothing"), 0.0]


def test_what_a_head_does_not_have_cannot_be_wrong() -> None:
    zero = torch.zeros(1, dtype=torch.long)
    asked = Asked(
        zero, zero, zero, {**dict.fromkeys(ATTRIBUTES, zero), "hair_colour": zero + NOT_SEEN}
    )
    verdict = perfect(asked, torch.ones(1))
    verdict.attributes["hair_colour"][:] = verdict.attributes["hair_colour"].roll(2, 1)
    assert all_right(verdict, asked).tolist() == [1.0]


def test_attributes_when_seen_leave_out_how_often_a_face_is_seen() -> None:
    zero = torch.zeros(2, dtype=torch.long)
    asked = Asked(zero, zero, zero, dict.fromkeys(ATTRIBUTES, zero))
    found = attributes_right_when_seen(perfect(asked, torch.tensor([0.25, 0.0])), asked)
    assert found[0] == 1.0 and found[1].isnan()


def test_a_judge_that_reads_no_attributes_is_told_what_it_lacks() -> None:
    zero = torch.zeros(1, dtype=torch.long)
    asked = Asked(zero, zero, zero, dict.fromkeys(ATTRIBUTES, zero))
    verdict = perfect(asked, torch.ones(1))._replace(attributes={})
    for measure in (text_match, attributes_shown, attributes_right, all_right):
        with pytest.raises(ModelError, match="judge_attributes"):
            measure(verdict, asked)
