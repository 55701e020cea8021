"""What a run needs of the hub: a real one on loopback, with the published file names."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from environments import parameters, stages
from fake_hub import LAYOUTS, FakeHub
from tpige_kedro.errors import ModelError
from tpige_kedro.hooks.preflight import needed_models
from tpige_kedro.hooks.resources.downloads import (
    Download,
    ask_hub,
    check_hub,
    check_options,
    look_at_hub,
    wanted_of_hub,
)
from tpige_kedro.hooks.resources.problem import listed
from tpige_kedro.schemas import Parameters
from tpige_kedro.weights.fetch import fetched
from tpige_kedro.weights.parts import Part, parts_of

VACE = "Wan-AI/Wan2.1-VACE-1.3B-diffusers"
GATED = "black-forest-labs/FLUX.1-Fill-dev"


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[FakeHub]:
    with FakeHub() as hub:
        hub.use(monkeypatch, tmp_path / "cache")
        yield hub


def small(name: str, source: str, kind: str = "WanVace", **changes: Any) -> Parameters:
    """The laptop run with one generator from the hub."""
    module = {"WanVace": "wan_vace", "Phantom": "phantom"}[kind]
    entry = {
        "type": f"tpige_kedro.video_generators.{module}.{kind}",
        "licence": "x",
        "source": source,
        **changes,
    }
    variants = {v: {"generator": name} for v in ("vace", "vace_pe")}
    return parameters(models={name: entry}, variants=variants)


def looked(settings: Parameters, *names: str) -> tuple[list[Download], list[str]]:
    needed = needed_models(stages(*names or ("generation_variants",)), settings)
    found = look_at_hub(needed, settings, ask_hub)
    return found, [str(problem) for problem in check_hub(found, needed)]


def test_each_hub_id_of_an_environment_is_asked_for_once() -> None:
    settings = parameters("vace_1_3b")
    wanted = wanted_of_hub(needed_models(stages("full"), settings), settings)
    places = [download.part.place for download in wanted]
    assert sorted(places) == sorted(set(places))
    assert {
        VACE,
        "Qwen/Qwen2.5-VL-7B-Instruct",
        "lalala125/AMT",
        "bytedance-research/Phantom",
    } <= set(places)
    shared = next(d for d in wanted if d.part.place == VACE)
    assert {"vace_1_3b", "vace_1_3b_still"} <= set(shared.models)


def test_models_that_share_a_repository_need_the_files_of_both() -> None:
    phantom = "tpige_kedro.video_generators.phantom.Phantom"
    settings = parameters(
        models={
            "one": {
                "type": phantom, "licence": "x", "source": "owner/name",
                "options": {"weights": "a.pth", "base": "owner/base"},
            },
            "two": {
                "type": phantom, "licence": "x", "source": "owner/name", "revision": "v2",
                "options": {"weights": "b.pth", "base": "owner/base"},
            },
            "three": {
                "type": phantom, "licence": "x", "source": "owner/name",
                "options": {"weights": "c.pth", "base": "owner/name"},
            },
        }
    )  # fmt: skip
    wanted = wanted_of_hub(dict.fromkeys(("one", "two", "three"), "key"), settings)
    found = {(d.part.place, d.part.revision): d for d in wanted}
    assert set(found) == {("owner/name", None), ("owner/name", "v2"), ("owner/base", None)}
    assert {"a.pth", "c.pth", "vae/*"} <= set(found["owner/name", None].part.files)
    assert found["owner/name", None].models == ("one", "three")
    assert found["owner/name", "v2"].part.files == ("b.pth",)
    assert found["owner/base", None].models == ("one", "two")


@pytest.mark.parametrize("place", ["data/06_models", "data/06_models/mini/vace"])
def test_a_folder_is_no_hub_id_though_it_looks_like_one(place: str) -> None:
    settings = small("real", place)
    needed = needed_models(stages("generation_variants"), settings)
    assert settings.models["real"].source == place
    assert wanted_of_hub(needed, settings) == []


def test_all_files_wins_over_some() -> None:
    whole = {"type": "fakes.Reader", "licence": "x", "source": VACE}
    settings = parameters(models={"all": whole, "vace": {**whole, "type": "tpige_kedro.video_generators.wan_vace.WanVace"}})  # fmt: skip
    for order in (("all", "vace"), ("vace", "all")):
        (found,) = wanted_of_hub(dict.fromkeys(order, "key"), settings)
        assert found.part.files == ()


def test_what_is_to_be_downloaded_has_its_size(hub: FakeHub) -> None:
    hub.add(VACE, LAYOUTS[VACE])
    ((found,), problems) = looked(small("real", VACE))
    needless = ("README.md", ".gitattributes", "assets/logo.png")
    assert problems == []
    assert found.size == sum(len(d) for n, d in LAYOUTS[VACE].items() if n not in needless)
    asked = [path for _, path in hub.requests if "/models/" in path]
    assert asked == [f"/api/models/{VACE}"], "one request a hub id"


def test_what_is_cached_costs_no_request(hub: FakeHub) -> None:
    hub.add(VACE, LAYOUTS[VACE])
    settings = small("real", VACE)
    (part,) = parts_of(settings.models["real"])
    fetched(part.place, part.revision, part.files)
    hub.forget()
    ((found,), problems) = looked(settings)
    assert (found.size, problems) == (0, [])
    assert hub.requests == []
    hub.stop()
    assert looked(settings)[1] == []


@pytest.mark.parametrize(
    ("arrange", "words"),
    [
        (lambda hub: None, ["there is no such repository", "check the spelling"]),
        (lambda hub: hub.add(VACE, LAYOUTS[VACE], gated=True), ["gated", f"/{VACE}", "HF_TOKEN"]),
        (lambda hub: hub.add(VACE, LAYOUTS[VACE], private=True), ["or it is private"]),
        (lambda hub: hub.add(VACE, {"config.json": b"{}"}), ["has no", "transformer/*"]),
        (lambda hub: hub.stop(), ["cannot be reached"]),
    ],
    ids=["wrong name", "gated", "private", "other files", "no network"],
)
def test_what_cannot_be_had_is_named(hub: FakeHub, arrange: Any, words: list[str]) -> None:
    arrange(hub)
    _, (text,) = looked(small("real", VACE))
    assert text.startswith(f"models.real (variants.vace_pe.generator) from {VACE!r}: ")
    assert all(word in text for word in words), text


def test_a_wrong_revision_is_named(hub: FakeHub) -> None:
    hub.add(VACE, LAYOUTS[VACE])
    _, (text,) = looked(small("real", VACE, revision="v9"))
    assert "it has no revision v9" in text


def test_an_open_gate_is_no_problem(
    hub: FakeHub, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    hub.add(VACE, LAYOUTS[VACE], gated=True)
    hub.members["mine"] = {VACE}
    hub.use(monkeypatch, tmp_path / "cache", token="mine")
    assert looked(small("real", VACE))[1] == []


def test_every_problem_is_in_the_list(hub: FakeHub) -> None:
    """The models that need a place are named with it, each with the parameter that names it."""
    hub.add("bytedance-research/Phantom", LAYOUTS["bytedance-research/Phantom"])
    settings = parameters("vace_1_3b")
    _, problems = looked(settings, "full")
    texts = "\n".join(problems)
    for name in ("qwen_vl", "photo_gme", "photo_clip", "photo_motion", "photo_imaging"):
        assert f"models.{name} (" in texts
    assert "models.vace_1_3b (variants." in texts


def test_the_hub_is_asked_for_several_at_a_time(hub: FakeHub) -> None:
    hub.fail("api", stall=1.0)
    started = time.monotonic()
    found, problems = looked(parameters("vace_1_3b"), "full")
    assert len(problems) == len(found) > 4
    assert time.monotonic() - started < 1.0 * len(found)


def test_offline_nobody_is_asked(hub: FakeHub, monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import constants

    hub.add(VACE, LAYOUTS[VACE])
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    _, (text,) = looked(small("real", VACE))
    assert "HF_HUB_OFFLINE is set" in text
    assert hub.requests == []


def test_an_option_that_names_no_place_is_reported() -> None:
    lora = {"options": {"lora": "somewhere/on/the disk"}}
    settings = parameters("paper", models={"ace_plus": lora})
    needed = {"ace_plus": "reference_enhancement.editor", "vace_14b": "variants.vace.generator"}
    (problem,) = check_options(needed, settings)
    assert problem.models == ("ace_plus",)
    assert "no such file or folder; set options.lora to a local folder or a hub id" in str(problem)


def test_an_answer_that_is_an_error_keeps_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    class Answer:
        bytes = 7

    def ask(part: Part) -> Answer:
        if part.place == VACE:
            raise ModelError("the hub says no")
        return Answer()

    settings = parameters("vace_1_3b")
    needed = needed_models(stages("full"), settings)
    found = look_at_hub(needed, settings, ask)
    assert {d.size for d in found if d.part.place != VACE} == {7}
    (problem,) = check_hub(found, needed)
    assert {"vace_1_3b", "vace_1_3b_still"} <= set(problem.models)
    assert "the hub says no" in str(problem)


def test_without_a_network_all_are_one_line(hub: FakeHub) -> None:
    hub.stop()
    settings = parameters("vace_1_3b")
    needed = needed_models(stages("full"), settings)
    found = list(check_hub(look_at_hub(needed, settings, ask_hub), needed))
    assert len(found) > 4, "by model, for those who skip some"
    (line,) = listed(found)
    assert line.count("cannot be reached") == 1
    assert all(repr(download.part.place) in line for download in wanted_of_hub(needed, settings))
