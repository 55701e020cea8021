"""Each model of the shipped environments works from the cache of the hub, with the hub away: published layouts, in tiny."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from environments import parameters
from fake_hub import FakeHub
from tpige_kedro.image_editors.protocol import EditRequest
from tpige_kedro.models import load_model, release_models
from tpige_kedro.rehearsal.files import write_files
from tpige_kedro.rehearsal.places import places_of
from tpige_kedro.rehearsal.settings import Settings, changed_options
from tpige_kedro.schemas import Guidance, ModelSpec
from tpige_kedro.video_generators.protocol import ClipRequest
from tpige_kedro.weights.fetch import fetched
from tpige_kedro.weights.hub import forget_commits
from tpige_kedro.weights.listing import forget_listings
from tpige_kedro.weights.parts import parts_of

MODELS = {
    "vace_1_3b": ("qwen_vl", "vace_1_3b", "phantom_1_3b", "vace_1_3b_still"),
    "paper": ("vace_14b", "phantom_14b", "ace_plus", "qwen_image_edit"),
    "photos": ("photo_gme", "photo_clip", "photo_motion", "photo_imaging"),
    "vace_1_3b_fast": ("vace_1_3b",),
    "vace_14b_fast": ("phantom_14b",),
}
CASES = [(env, name) for env, names in MODELS.items() for name in names]
PHOTO = Image.new("RGB", (64, 80), (180, 140, 120))


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[FakeHub]:
    with FakeHub() as made:
        made.use(monkeypatch, tmp_path / "cache")
        yield made
        release_models()


def without_pins(spec: ModelSpec) -> ModelSpec:
    """In tiny, and at the commits that this hub has."""
    options = {**spec.options, **changed_options(spec, Settings(env=None, scale="tiny", steps=2))}
    options |= {name: None for name in options if name.endswith("_revision")}
    return spec.model_copy(update={"options": options, "revision": None})


def publish(hub: FakeHub, name: str, spec: ModelSpec, folder: Path) -> None:
    """All files of its places, also those that it does not need."""
    for place in places_of(name, spec, tiny=True):
        hub.add(place.name, write_files(folder / place.folder, place.files))


def use(model: Any) -> None:
    """A clip or picture, of those that make some; others load at once."""
    outcomes: list[tuple[Any, Any]] = []
    if hasattr(model, "generate"):
        request = ClipRequest("a", "a man in the rain", (PHOTO,), 5)
        for _, made in model.generate([request], Guidance(text_weight=4.0)):
            outcomes.append((request, made))
            assert isinstance(made, Exception) or sum(map(len, made.groups())) == made.shape[0]
    elif hasattr(model, "edit"):
        outcomes += model.edit([EditRequest("a", "a portrait of a man", PHOTO, 5)])
    for _, made in outcomes:
        assert not isinstance(made, Exception), made


@pytest.mark.parametrize(("env", "name"), CASES, ids=["/".join(case) for case in CASES])
def test_a_model_works_with_the_hub_away(hub: FakeHub, tmp_path: Path, env: str, name: str) -> None:
    spec = without_pins(parameters(env).models[name])
    publish(hub, name, spec, tmp_path / "published")
    for part in parts_of(spec):
        fetched(part.place, part.revision, part.files)
    hub.stop()
    forget_commits()
    forget_listings()
    hub.forget()
    use(load_model(spec))
    assert hub.requests == []
