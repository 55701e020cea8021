from __future__ import annotations

import random

import pytest
import torch

from tpige_kedro.mini.judges_training.claims import (
    OFFSETS,
    WEIGHTS,
    as_columns,
    claimed,
    facts,
    person_at,
    random_texts,
)
from tpige_kedro.mini.judges_training.pools import Frames
from tpige_kedro.mini.judges_training.rendering import Renderer
from tpige_kedro.mini.world.captions import attributes_of


@pytest.fixture(scope="module")
def frames() -> Frames:
    renderer = Renderer(torch.device("cpu"), 8, None)
    return renderer.single_frames(renderer.people(30), 40, portrait=False, decoded=False)


def claims_of(frames: Frames, i: int, **changes: int) -> torch.Tensor:
    """Everything that can truly be said of frame ``i``, with ``changes`` to the person or the scene."""
    person = person_at(as_columns(frames.people), int(frames.person[i]))
    scene = {name: int(getattr(frames, name)[i]) for name in ("role", "setting", "action")}
    scene |= {k: v for k, v in changes.items() if k in scene}
    person = person | {k: v for k, v in changes.items() if k in person}
    vector = claimed(
        person, scene["role"], scene["setting"], scene["action"], attributes_of(person)
    )
    return torch.tensor(vector)


def test_a_true_text_agrees_in_full_and_a_wrong_word_costs_its_weight(frames: Frames) -> None:
    shown = facts(frames)
    for i in frames.face_open.nonzero()[:, 0].tolist():
        truth = claims_of(frames, i)
        assert truth.sum().item() == pytest.approx(1.0)
        assert (shown[i] @ truth).item() == pytest.approx(1.0)
        wrong = claims_of(frames, i, setting=(int(frames.setting[i]) + 1) % 6)
        lost = 1 - (shown[i] @ wrong).item()
        assert lost == pytest.approx(wrong[OFFSETS["setting"] :].max().item(), rel=1e-4)
        eyes = int(frames.people["eye_colour"][frames.person[i]])
        wrong = claims_of(frames, i, eye_colour=(eyes + 1) % 5)
        assert 0 < 1 - (shown[i] @ wrong).item() < lost


def test_a_closed_helmet_shows_nothing_of_the_face(frames: Frames) -> None:
    closed = (~frames.face_open).nonzero()[:, 0].tolist()
    assert closed
    scene = WEIGHTS["role"] + WEIGHTS["setting"] + WEIGHTS["action"]
    for i in closed:
        agreement = (facts(frames)[i] @ claims_of(frames, i)).item()
        assert scene / (scene + 9 * 0.6) <= agreement < 1


def test_texts_and_claims_belong_together() -> None:
    people = Renderer(torch.device("cpu"), 2, None).people(50)
    texts, claims = random_texts(people, random.Random(1))
    assert claims.shape[0] == len(texts) == 50
    assert torch.allclose(claims.sum(1), torch.ones(50))
    for text, row in zip(texts, claims, strict=True):
        assert ("kitchen" in text) == bool(row[OFFSETS["setting"] + 1] > 0)
        assert ("freckles" in text) == bool(row[OFFSETS["freckles"] + 1] > 0)
        assert ("bald" in text) <= bool(row[OFFSETS["hair_style"]] > 0)
