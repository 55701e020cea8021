"""Which files a model needs of which place, from what its class declares."""

from __future__ import annotations

from typing import Any

import pytest

from tpige_kedro.schemas import ModelSpec
from tpige_kedro.weights.parts import Part, parts_of

WAN = "tpige_kedro.video_generators.wan_vace.WanVace"
PHANTOM = "tpige_kedro.video_generators.phantom.Phantom"
SEVERAL = "tpige_kedro.video_generators.several_gpus.SeveralGpus"
COMMIT = "0123456789abcdef0123456789abcdef01234567"


def parts(kind: str, source: str | None = "owner/name", **options: Any) -> dict[str, Part]:
    spec = ModelSpec(type=kind, licence="x", source=source, revision=COMMIT, options=options)
    return {part.option: part for part in parts_of(spec)}


def test_a_pipeline_of_its_own_needs_all_its_parts() -> None:
    (part,) = parts(WAN).values()
    assert (part.place, part.revision) == ("owner/name", COMMIT)
    assert {pattern.partition("/")[0] for pattern in part.files} >= {
        "transformer",
        "vae",
        "text_encoder",
    }


def test_with_a_base_the_source_brings_the_transformer_only() -> None:
    found = parts(WAN, base="owner/base", base_revision="v1")
    assert all(pattern.startswith("transformer/") for pattern in found["source"].files)
    assert found["base"].place == "owner/base" and found["base"].revision == "v1"
    assert not any(pattern == "transformer/*" for pattern in found["base"].files)


@pytest.mark.parametrize("kind", [WAN, PHANTOM])
def test_several_gpus_need_what_the_generator_needs(kind: str) -> None:
    options = {"base": "owner/base", "weights": "wan.pth", "loras": [{"source": "owner/lora"}]}
    assert parts(SEVERAL, generator=kind, gpus=2, **options) == parts(kind, **options)


def test_clips_made_elsewhere_and_services_need_no_weights() -> None:
    assert not parts("tpige_kedro.video_generators.imported.Imported", "some/folder")
    assert not parts("tpige_kedro.video_generators.hailuo.Hailuo", None, model="S2V-01")
