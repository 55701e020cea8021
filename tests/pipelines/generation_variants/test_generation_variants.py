from __future__ import annotations

import gc
import hashlib
import logging
from typing import Any

import pytest
from clip_stage import ENHANCED, LARGE, MODEL, PLAIN, PROMPTS, SAMPLES, Large, Stage
from PIL import Image

import fakes
from tpige_kedro.execution.tally import tallies
from tpige_kedro.execution.work import Job
from tpige_kedro.files.known import sha256_of
from tpige_kedro.models import release_models
from tpige_kedro.pipelines.generation_variants import create_pipeline, nodes
from tpige_kedro.pipelines.generation_variants.plan import list_variants
from tpige_kedro.schemas import ModelSpec, Variant
from tpige_kedro.seeds import derive_seed
from tpige_kedro.video_generators.protocol import ClipRequest

OTHER = MODEL.model_copy(update={"options": {"steps": 4}})


def test_a_record_says_all_that_made_the_clip(stage: Stage) -> None:
    items = stage.run(variants={"v": ENHANCED})
    record, clip = items["v/s1"].record(), items["v/s1"].load()
    assert record["prompt"] == "A red man reads." == clip.title
    assert record["prompt_source"] == record["reference_source"] == "enhanced"
    assert record["reference"] == "a.png"
    assert record["reference_hash"] == stage.redrawn.load()["s1"].mark
    assert record["maker"]["name"] == "m" and record["maker"]["licence"] == "Apache-2.0"
    assert record["maker"]["version"] == fakes.Generator.version
    assert record["guidance"] == ENHANCED.guidance.model_dump(mode="json")
    assert (record["frames"], record["height"], record["width"], record["fps"]) == (5, 32, 32, 8)
    assert len(record["frames_hash"]) == 64 and record["generator"] == {"steps": 1}
    assert record["fingerprint"] == stage.marks()["s1"]
    assert (record["variant"], record["sample_id"]) == ("v", "s1")
    assert record["people"] == ["p1"] and record["ai_generated"] is True
    assert {"seed", "seconds", "environment"} <= set(record)
    assert record["output"]["sha256"] == items["v/s1"].mark == sha256_of(items["v/s1"].path)
    assert list(items) == ["v/s1", "v/s2"] and items.failures == {}


def test_the_hash_of_the_frames_is_of_those_before_compression(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []
    generate = fakes.Generator.generate

    def watched(self: Any, *given: Any) -> Any:
        for request, clip in generate(self, *given):
            seen.append(clip.frames)
            yield request, clip

    monkeypatch.setattr(fakes.Generator, "generate", watched)
    items = stage.run()
    expected = [hashlib.sha256(str(f.shape).encode() + f.tobytes()).hexdigest() for f in seen]
    assert [item.record()["frames_hash"] for item in items.values()] == expected


def test_variants_see_the_prompt_and_picture_that_they_ask_for(stage: Stage) -> None:
    redrawn = Variant(generator="m", reference="enhanced")
    items = stage.run(variants={"plain": PLAIN, "redrawn": redrawn})
    assert items["plain/s1"].load().title == "A man reads."
    assert items["redrawn/s1"].record()["prompt_source"] == "original"
    frames = [items[key].load().frames for key in ("plain/s1", "redrawn/s1")]
    assert (frames[0] != frames[1]).any()


def test_samples_have_seeds_of_their_own_and_variants_share_them(stage: Stage) -> None:
    def seeds() -> dict[tuple[str, str], int]:
        plan = stage.plan()
        keys = zip(plan["variant"], plan["sample_id"], strict=True)
        return dict(zip(keys, plan["seed"], strict=True))

    stage.variants = {"one": PLAIN, "other": ENHANCED}
    found = seeds()
    assert found["one", "s1"] == found["other", "s1"] != found["one", "s2"]
    stage.samples = SAMPLES.iloc[::-1]
    assert seeds() == found
    assert found["one", "s1"] == derive_seed(0, "s1")  # of clips made before there were draws
    stage.seed = 1
    assert seeds()["one", "s1"] != found["one", "s1"]


def test_further_draws_differ_from_the_first_in_their_noise_alone(stage: Stage) -> None:
    draws = {f"d{n}": ENHANCED.model_copy(update={"draw": n}) for n in (0, 1, 2)}
    items = stage.run(variants=draws)
    seeds = {item.record()["seed"] for item in items.values()}
    assert len(seeds) == 6
    first, second = (items[key].record() for key in ("d0/s1", "d1/s1"))
    differing = {key for key in first if first[key] != second[key]} - {"seconds"}
    assert differing == {"seed", "fingerprint", "frames_hash", "key", "variant", "output"}
    assert stage.marks(draws["d0"]) == stage.marks(ENHANCED)


def test_a_prompt_that_changes_redoes_its_own_clip_only(stage: Stage) -> None:
    stage.run()
    stage.forget()
    release_models()
    stage.run(samples=SAMPLES.assign(prompt=["A man reads.", "A man sleeps."]))
    assert stage.log == ["load generator", "generate s2"]


def test_a_finished_variant_loads_no_model(stage: Stage) -> None:
    before = {key: item.record() for key, item in stage.run().items()}
    stage.forget()
    release_models()
    assert {key: item.record() for key, item in stage.run().items()} == before
    assert stage.log == []


def test_clips_of_another_variant_do_not_count(stage: Stage) -> None:
    stage.run()
    stage.forget()
    items = stage.run(variants={"v": PLAIN, "vv": PLAIN})
    assert list(items) == ["v/s1", "v/s2", "vv/s1", "vv/s2"]
    assert stage.log.count("generate s1") == 1, "those of v are kept"
    assert list(stage.run(variants={"vv": PLAIN})) == ["vv/s1", "vv/s2"]
    stage.forget()
    assert len(stage.run(variants={"v": PLAIN, "vv": PLAIN})) == 4 and stage.log == []


def test_a_variant_without_its_key_yields_nothing(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    needy = MODEL.model_copy(update={"needs": ("SOME_KEY",)})
    monkeypatch.delenv("SOME_KEY", raising=False)
    items = stage.run(models={"m": needy})
    assert dict(items) == {} == items.failures and stage.log == []
    assert "generation_variants.v: skipped, no key: SOME_KEY is not set" in caplog.messages
    status = list_variants(
        {"v": Variant(generator="m"), "w": Variant(generator="n")}, {"m": needy, "n": MODEL}
    )
    assert status["status"].tolist() == ["skipped", "ready"]
    assert status["reason"].tolist() == ["no key: SOME_KEY is not set", ""]
    monkeypatch.setenv("SOME_KEY", "secret")
    assert list(stage.run()) == ["v/s1", "v/s2"]


FAULTS: dict[str, dict[str, Any]] = {
    "refused this prompt": {"samples": SAMPLES.assign(prompt=["unmakeable", "A man runs."])},
    "sample s1: it has no enhanced prompt; see why in the failures of prompt_enhancement": {
        "variants": {"v": ENHANCED},
        "prompts": PROMPTS.iloc[1:],
    },
    "sample s1: it has no enhanced reference; see why in the failures of reference_enhancement": {
        "variants": {"v": ENHANCED},
        "drawn": {"s2": 99},
    },
}


@pytest.mark.parametrize("message", FAULTS)
def test_one_bad_sample_does_not_stop_the_others(stage: Stage, message: str) -> None:
    items = stage.run(**FAULTS[message])
    assert list(items) == ["v/s2"] and list(items.failures) == ["v/s1"]
    assert message in items.failures["v/s1"].message
    tally = tallies()[-1]
    assert (tally.label, tally.made) == ("generation_variants.v", 1)
    assert [failure["key"] for failure in tally.failures] == ["s1"]
    assert tally.failures[0]["stage"] == "generation_variants.v"


def test_a_variant_that_needs_no_redrawn_picture_is_not_held_up(stage: Stage) -> None:
    items = stage.run(variants={"v": PLAIN, "w": ENHANCED}, drawn={})
    assert list(items) == ["v/s1", "v/s2"] and list(items.failures) == ["w/s1", "w/s2"]


def test_if_nothing_can_be_made_no_model_is_loaded(stage: Stage) -> None:
    items = stage.run(variants={"v": ENHANCED}, drawn={})
    assert list(items.failures) == ["v/s1", "v/s2"] and stage.log == []


def test_two_variants_of_one_generator_load_it_once(stage: Stage) -> None:
    stage.run(variants={"one": PLAIN, "two": PLAIN.model_copy(update={"prompt": "enhanced"})})
    assert stage.log.count("load generator") == 1


def test_generators_are_loaded_once_each_however_variants_are_listed(stage: Stage) -> None:
    other = Variant(generator="n")
    variants = {"a": PLAIN, "b": other, "c": ENHANCED, "d": other}
    items = stage.run(variants=variants, models={"m": MODEL, "n": OTHER})
    makes = ["generate s1", "generate s2"]
    assert stage.log == ["load generator", *2 * makes, "load generator", *2 * makes]
    assert list(items) == [f"{v}/{s}" for v in "abcd" for s in ("s1", "s2")], "as they are listed"


@pytest.mark.parametrize("last", ["A man runs.", "unmakeable"])
def test_a_generator_is_freed_before_the_next_is_loaded(stage: Stage, last: str) -> None:
    Large.alive.clear()
    stage.models |= {"m": LARGE, "n": LARGE.model_copy(update={"options": {"steps": 4}})}
    stage.variants["w"] = Variant(generator="n")
    gc.collect()
    gc.disable()  # what is kept by a circle stays
    logging.disable()  # pytest keeps what is logged, with its traceback
    try:
        items = stage.run(samples=SAMPLES.assign(prompt=["A man reads.", last]))
    finally:
        gc.enable()
        logging.disable(logging.NOTSET)
    assert len(items) + len(items.failures) == 4
    assert Large.alive == [1, 1], "both together do not fit"


@pytest.mark.parametrize(("bound", "most"), [("AT_ONCE", 1), ("AT_ONCE", 2), ("AT_ONCE", 64), ("PIXELS_AT_ONCE", 1)])  # fmt: skip
def test_a_generator_gets_a_bounded_number_of_pictures_at_a_time(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, bound: str, most: int
) -> None:
    sizes: list[int] = []
    generate = fakes.Generator.generate

    def watched(self: Any, requests: Any, guidance: Any) -> Any:
        sizes.append(len(requests))
        yield from generate(self, requests, guidance)

    monkeypatch.setattr(fakes.Generator, "generate", watched)
    monkeypatch.setattr(nodes, bound, most)
    assert len(stage.run(variants={"v": PLAIN, "w": PLAIN})) == 4
    assert sizes == ([1] * 4 if most == 1 else [2, 2])


def test_a_picture_that_several_requests_share_counts_once() -> None:
    one, other = Image.new("RGB", (30, 20)), Image.new("RGB", (10, 10))
    requests = [ClipRequest(f"s{i}", "", (p,), 1) for i, p in enumerate([one, one, other])]
    assert nodes.pixels([(Job("v/s", "", None), request) for request in requests]) == 700


def test_a_crash_keeps_what_is_finished(stage: Stage) -> None:
    crashing = SAMPLES.assign(prompt=["A man reads.", "crash"])
    with pytest.raises(Exception, match="no memory left"):
        stage.run(samples=crashing)
    assert list(stage.folder.load()) == ["v/s1"]
    stage.forget()
    assert list(stage.run(samples=SAMPLES)) == ["v/s1", "v/s2"]
    assert [line for line in stage.log if "s1" in line] == []


def test_a_variant_is_no_node() -> None:
    pipeline = create_pipeline()
    assert {n.namespace for n in pipeline.nodes} == {"generation_variants"}
    assert pipeline.outputs() >= {"clips", "variant_status"}
    assert all(len(n.inputs) <= 6 for n in pipeline.nodes)
    assert all("." not in name for name in pipeline.datasets())


def test_a_stage_without_variants_that_can_run_is_empty(stage: Stage) -> None:
    needy = ModelSpec(type="not.There", licence="terms", needs=("KEY_THAT_NOBODY_HAS",))
    assert stage.run(models={"m": needy}).by_group() == {}
