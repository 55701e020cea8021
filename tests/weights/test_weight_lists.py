"""LoRAs are part of what a model is, of what is downloaded for it, and of what its records say."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

import pytest

from tpige_kedro.errors import ModelError
from tpige_kedro.models import describe_model, load_model, model_identity
from tpige_kedro.options import options_model
from tpige_kedro.schemas import ModelSpec
from tpige_kedro.weights.hub import resolved_commit
from tpige_kedro.weights.parts import Part, parts_of

A, B = "a" * 40, "b" * 40
VACE = "tpige_kedro.video_generators.wan_vace.WanVace"
TYPES = {
    VACE: {},
    "tpige_kedro.video_generators.phantom.Phantom": {"base": "owner/base"},
    "tpige_kedro.image_editors.vace_still.VaceStill": {},
    "tpige_kedro.video_generators.several_gpus.SeveralGpus": {
        "generator": VACE,
        "gpus": 2,
        "split": "branches",
    },
}


class Made:
    """Remembers how it was built."""

    version = 1
    weight_lists = ("loras",)

    def __init__(self, **options: object) -> None:
        self.options = options


def spec(path: str, loras: Any, **options: Any) -> ModelSpec:
    return ModelSpec(
        type=path, licence="MIT", source="owner/model", options={**options, "loras": loras}
    )


def made(loras: Any) -> ModelSpec:
    return spec(f"{__name__}.Made", loras)


def file(path: Path, content: bytes = b"weights") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    old = time.time() - 60
    os.utime(path, (old, old))
    return path


@pytest.fixture(autouse=True)
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """An empty hub cache of the test's own."""
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    resolved_commit.cache_clear()
    return tmp_path / "hub"


def cached(hub: Path, name: str, commit: str, revision: str = "main") -> None:
    ref = hub / f"models--{name.replace('/', '--')}" / "refs" / revision
    ref.parent.mkdir(parents=True, exist_ok=True)
    ref.write_text(commit)


@pytest.mark.parametrize("path", TYPES)
def test_the_generators_and_the_editor_take_loras(path: str, tmp_path: Path) -> None:
    lora = file(tmp_path / "a.safetensors")

    def identity(**changes: Any) -> dict[str, Any]:
        entry = {"source": str(lora), **changes}
        options_model(path, TYPES[path]).model_validate(
            {"source": "", **TYPES[path], "loras": (entry,)}
        )
        return model_identity(spec(path, [entry], **TYPES[path]))

    first = identity()
    assert "loras" not in first["options"] and str(tmp_path) not in json.dumps(first)
    assert identity(scale=0.5) != first
    file(lora, b"retrained")
    assert identity() != first
    file(lora)
    assert identity() == first


def test_a_local_file_counts_by_its_content_wherever_it_is(tmp_path: Path) -> None:
    one = file(tmp_path / "one" / "fast.safetensors")
    file(tmp_path / "one" / "of another model.safetensors", b"other")
    other = file(tmp_path / "renamed.safetensors")
    places = [
        {"source": str(one)},
        {"source": str(tmp_path / "one"), "weights": "fast.safetensors"},
        {"source": str(other)},
    ]
    identities = [model_identity(made([place])) for place in places]
    assert identities[0] == identities[1] == identities[2]
    content = identities[0]["parts"]["loras"][0]["revision"]
    assert len(content) == 64
    two = model_identity(made([{"source": str(one)}, {"source": str(one), "scale": 2.0}]))
    assert [entry["revision"] for entry in two["parts"]["loras"]] == [content, content]


def test_a_hub_id_counts_by_its_commit_and_file(hub: Path) -> None:
    cached(hub, "owner/loras", A)
    cached(hub, "owner/loras", B, "v2")
    entry = {"source": "owner/loras", "weights": "fast.safetensors", "scale": 0.5}
    fast = model_identity(made([entry]))["parts"]["loras"]
    assert fast == [
        {"source": "owner/loras", "revision": A, "weights": "fast.safetensors", "scale": 0.5}
    ]
    for change in ({"weights": "slow.safetensors"}, {"revision": "v2"}, {"scale": 1.0}):
        assert model_identity(made([{**entry, **change}]))["parts"]["loras"] != fast


def test_what_is_loaded_is_the_commit_that_the_record_names(hub: Path, tmp_path: Path) -> None:
    cached(hub, "owner/loras", A)
    lora = file(tmp_path / "a.safetensors")
    wanted = made([{"source": "owner/loras", "weights": "fast.safetensors"}, {"source": str(lora)}])
    loaded = load_model(wanted).options["loras"]
    assert loaded == [
        {"source": "owner/loras", "weights": "fast.safetensors", "revision": A},
        {"source": str(lora)},
    ]
    described = describe_model("m", wanted)["parts"]["loras"]
    assert described[0] == loaded[0]
    assert described[1] == {"source": str(lora), "revision": described[1]["revision"]}
    assert len(described[1]["revision"]) == 64


def test_below_the_home_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    lora = file(tmp_path / "a.safetensors")
    assert load_model(made([{"source": "~/a.safetensors"}])).options["loras"] == [
        {"source": str(lora)}
    ]


def test_no_loras_are_no_part_of_anything(hub: Path) -> None:
    """Clips that were made before there was such an option stay valid."""
    none = ModelSpec(type=f"{__name__}.Made", licence="MIT", source="owner/model")
    for empty in (made([]), made(())):
        assert model_identity(empty) == model_identity(none)
        assert describe_model("m", empty) == describe_model("m", none)
    assert "parts" not in model_identity(none)


def test_they_are_among_the_parts_to_download() -> None:
    entries = [
        {"source": "owner/loras", "weights": "fast.safetensors", "revision": "v2"},
        {"source": "data/a.safetensors", "scale": 0.5},
    ]
    assert parts_of(spec(VACE, entries))[1:] == (
        Part("loras[0]", "owner/loras", "v2", ("fast.safetensors",)),
        Part("loras[1]", "data/a.safetensors", None, ()),
    )


@pytest.mark.parametrize("wrong", ["owner/loras", ["owner/loras"], [{"weights": "a"}], [None], 3])
def test_entries_of_another_form_are_left_to_the_check_of_the_options(wrong: Any) -> None:
    assert [part.option for part in parts_of(spec(VACE, wrong))] == ["source"]
    assert load_model(made(wrong)).options["loras"] == wrong, "nothing is dropped in silence"
    if isinstance(wrong, list):
        with pytest.raises(ModelError, match="without a source"):
            model_identity(made(wrong))
