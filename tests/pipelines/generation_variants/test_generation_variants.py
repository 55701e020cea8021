from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from tpige_kedro.datasets.pictures import PictureError
from tpige_kedro.models import release_models
from tpige_kedro.pipelines.generation_variants import create_pipeline
from tpige_kedro.pipelines.generation_variants.jobs import clip_jobs, frames_hash
from tpige_kedro.pipelines.generation_variants.nodes import clip_generator, list_variants
from tpige_kedro.schemas import ModelSpec, Variant
from tpige_kedro.seeds import derive_seed

MODEL = ModelSpec(
    type="fakes.Generator", licence="Apache-2.0", options={"steps": 3, "batch_size": 4}
)
ENHANCED = Variant(generator="m", prompt="enhanced", reference="enhanced")
SAMPLES = pd.DataFrame(
    {
        "sample_id": ["s1", "s2"],
        "person_id": ["p1", "p2"],
        "prompt": ["A man reads.", "A man runs."],
        "reference": ["a.png", "b.png"],
        "reference_hash": ["ha", "hb"],
    }
)
PROMPTS = pd.DataFrame(
    {"sample_id": ["s1", "s2"], "enhanced_prompt": ["A red man reads.", "A red man runs."]}
)
RECORDS = {"s1": lambda: {"picture_hash": "e1"}, "s2": lambda: {"picture_hash": "e2"}}


@pytest.fixture(autouse=True)
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FAKES_LOG", str(tmp_path / "log"))
    release_models()
    return tmp_path / "log"


def picture(red: int = 0) -> Image.Image:
    return Image.new("RGB", (32, 32), (red, 0, 0))


def inputs(**changes: Any) -> dict[str, Any]:
    return {
        "samples": SAMPLES,
        "prompts": PROMPTS,
        "references": {"a.png": picture, "b.png": picture},
        "enhanced_references": {"s1": lambda: picture(99), "s2": lambda: picture(99)},
        "enhanced_reference_records": RECORDS,
        "completed": {},
        "variant": Variant(generator="m"),
        "models": {"m": MODEL},
        "seed": 0,
        **changes,
    }


def generate(
    name: str = "v", **changes: Any
) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """All clips, records and failures; a deleted partition is None."""
    chunks = list(clip_generator(name)(**inputs(**changes)))
    clips, records, failures = (
        {k: v for part in parts for k, v in part.items()} for parts in zip(*chunks, strict=True)
    )
    return clips, records, failures


def marks(variant: Variant = ENHANCED, model: ModelSpec = MODEL, **changes: Any) -> dict[str, str]:
    given = {
        "samples": SAMPLES,
        "prompts": PROMPTS,
        "enhanced_reference_records": RECORDS,
        "seed": 0,
        **changes,
    }
    return {job.key: job.fingerprint for job in clip_jobs(**given, variant=variant, model=model)}


def test_a_record_says_all_that_made_the_clip() -> None:
    clips, records, failures = generate(variant=ENHANCED)
    record = records["s1"]
    assert record["prompt"] == "A red man reads." == clips["s1"].title
    assert record["prompt_source"] == record["reference_source"] == "enhanced"
    assert record["reference"] == "a.png" and record["reference_hash"] == "e1"
    assert record["model"]["name"] == "m" and record["model"]["licence"] == "Apache-2.0"
    assert record["guidance"] == ENHANCED.guidance.model_dump(mode="json")
    assert (record["frames"], record["height"], record["width"], record["fps"]) == (5, 32, 32, 8)
    assert record["frames_hash"] == frames_hash(clips["s1"].frames)
    assert record["generator"] == {"steps": 1}
    assert record["fingerprint"] == marks()["s1"]
    assert {"seed", "seconds", "tpige_version", "variant"} <= set(record)
    assert failures == {"s1": None, "s2": None}


def test_variants_see_the_prompt_and_picture_that_they_ask_for() -> None:
    plain, _, _ = generate(variant=Variant(generator="m"))
    redrawn, records, _ = generate(variant=Variant(generator="m", reference="enhanced"))
    assert plain["s1"].title == "A man reads."
    assert records["s1"]["prompt_source"] == "original"
    assert (plain["s1"].frames != redrawn["s1"].frames).any()


def test_samples_have_seeds_of_their_own_and_variants_share_them() -> None:
    _, one, _ = generate("one")
    _, other, _ = generate("other", variant=ENHANCED)
    assert one["s1"]["seed"] == other["s1"]["seed"] != one["s2"]["seed"]
    assert generate(seed=1)[1]["s1"]["seed"] != one["s1"]["seed"]
    reordered = generate(samples=SAMPLES.iloc[::-1])[1]
    assert reordered["s1"]["seed"] == one["s1"]["seed"]
    assert one["s1"]["seed"] == derive_seed(0, "s1")  # of clips made before there were draws


def test_further_draws_differ_from_the_first_in_their_noise_alone() -> None:
    draws = [ENHANCED.model_copy(update={"draw": draw}) for draw in (0, 1, 2)]
    made = [generate(variant=variant) for variant in draws]
    seeds = {records[key]["seed"] for _, records, _ in made for key in ("s1", "s2")}
    assert len(seeds) == 6
    first, second = (records["s1"] for _, records, _ in made[:2])
    differing = {key for key in first if first[key] != second[key]} - {"seconds"}
    assert differing == {"seed", "fingerprint", "frames_hash"}
    assert marks(draws[0]) == marks(ENHANCED)


CHANGES = {
    "guidance": {
        "variant": Variant.model_validate(
            {**ENHANCED.model_dump(), "guidance": {"identity_weight": 0.7}}
        )
    },
    "model option": {"model": MODEL.model_copy(update={"options": {"steps": 4, "batch_size": 4}})},
    "weights": {"model": MODEL.model_copy(update={"source": "owner/name", "revision": "abc"})},
    "prompt": {"prompts": PROMPTS.assign(enhanced_prompt="Another.")},
    "picture": {
        "enhanced_reference_records": dict.fromkeys(RECORDS, lambda: {"picture_hash": "new"})
    },
    "seed": {"seed": 1},
}


@pytest.mark.parametrize("what", CHANGES)
def test_what_decides_the_clip_changes_the_fingerprint(what: str) -> None:
    assert marks(**CHANGES[what])["s1"] != marks()["s1"]


SAME = {
    "batch size": {
        "model": MODEL.model_copy(
            update={"options": {"steps": 3, "batch_size": 1, "device": "cuda"}}
        )
    },
    "licence": {"model": MODEL.model_copy(update={"licence": "MIT"})},
    "original prompt": {"samples": SAMPLES.assign(prompt="unused by this variant")},
    "original picture": {"samples": SAMPLES.assign(reference_hash="unused by this variant")},
    "other samples": {"samples": SAMPLES.iloc[:1]},
}


@pytest.mark.parametrize("what", SAME)
def test_what_does_not_decide_it_leaves_it(what: str) -> None:
    assert marks(**SAME[what])["s1"] == marks()["s1"]


def test_a_prompt_that_changes_redoes_its_own_clip_only(work: Path) -> None:
    completed = {f"v/{key}": mark for key, mark in marks(Variant(generator="m")).items()}
    changed = SAMPLES.assign(prompt=["A man reads.", "A man sleeps."])
    clips, _, _ = generate(completed=completed, samples=changed)
    assert list(clips) == ["s2"]
    assert work.read_text().splitlines() == ["load generator", "generate s2"]


def test_a_finished_variant_loads_no_model(work: Path) -> None:
    completed = {f"v/{key}": mark for key, mark in marks(Variant(generator="m")).items()}
    assert generate(completed=completed) == ({}, {}, {})
    assert not work.exists()


def test_clips_of_another_variant_do_not_count() -> None:
    completed = {f"vv/{key}": mark for key, mark in marks(Variant(generator="m")).items()}
    assert sorted(generate("v", completed=completed)[0]) == ["s1", "s2"]


def test_a_variant_without_its_key_yields_nothing(
    work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    needy = MODEL.model_copy(update={"needs": ("SOME_KEY",)})
    monkeypatch.delenv("SOME_KEY", raising=False)
    assert generate(models={"m": needy}) == ({}, {}, {}) and not work.exists()
    status = list_variants(
        {"v": Variant(generator="m"), "w": Variant(generator="n")}, {"m": needy, "n": MODEL}
    )
    assert status["status"].tolist() == ["skipped", "ready"]
    assert status["reason"].tolist() == ["no key: SOME_KEY is not set", ""]
    monkeypatch.setenv("SOME_KEY", "secret")
    assert sorted(generate(models={"m": needy})[0]) == ["s1", "s2"]


def broken() -> Image.Image:
    raise PictureError("reference a.png: damaged")


FAULTS = {
    "the model refuses": {"samples": SAMPLES.assign(prompt=["unmakeable", "A man runs."])},
    "its reference a.png is gone": {"references": {"b.png": picture}},
    "damaged": {"references": {"a.png": broken, "b.png": picture}},
    "no enhanced prompt": {"variant": ENHANCED, "prompts": PROMPTS.iloc[1:]},
    "no enhanced reference": {
        "variant": ENHANCED,
        "enhanced_reference_records": {"s2": RECORDS["s2"]},
    },
}


@pytest.mark.parametrize("message", FAULTS)
def test_one_bad_sample_does_not_stop_the_others(message: str) -> None:
    clips, records, failures = generate(**FAULTS[message])
    assert list(clips) == ["s2"] and records["s1"] is None
    assert failures["s2"] is None
    assert failures["s1"]["stage"] == "generation_variants.v"
    assert (
        message.removeprefix("the model ") in failures["s1"]["message"]
        or "refused" in failures["s1"]["message"]
    )


def test_if_nothing_can_be_made_no_model_is_loaded(work: Path) -> None:
    _, _, failures = generate(variant=ENHANCED, enhanced_reference_records={})
    assert sorted(failures) == ["s1", "s2"] and not work.exists()


def test_two_variants_of_one_generator_load_it_once(work: Path) -> None:
    generate("one")
    generate("two", variant=Variant(generator="m", prompt="enhanced"))
    assert work.read_text().splitlines().count("load generator") == 1


def test_frames_hash_sees_pixels_and_shape() -> None:
    frames = np.arange(2 * 4 * 6 * 3, dtype=np.uint8).reshape(2, 4, 6, 3)
    assert frames_hash(frames) == frames_hash(frames.copy())
    assert frames_hash(frames) != frames_hash(frames.reshape(2, 6, 4, 3))
    assert frames_hash(frames) != frames_hash(frames[::-1])


def test_each_variant_is_a_box_with_its_own_tag() -> None:
    pipeline = create_pipeline(("a", "b"))
    assert {n.namespace for n in pipeline.nodes} == {
        "generation_variants", "generation_variants.a", "generation_variants.b",
    }  # fmt: skip
    (node,) = pipeline.only_nodes_with_tags("a").nodes
    assert node.name == "generation_variants.a.generate"
    assert set(node.outputs) == {"clips_a", "records_a", "failures_generation_a"}
    assert all("." not in name.removeprefix("params:variants.") for name in pipeline.datasets())
