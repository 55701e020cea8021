"""GPU and host memory of a run: simulated cards and hosts, the shipped parameters."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from environments import parameters, stages
from project import ROOT
from tpige_kedro.execution.machine import GIB, Gpu, Gpus, HostMemory
from tpige_kedro.hooks.preflight import needed_models
from tpige_kedro.hooks.resources.memory import check_gpus, check_host_memory
from tpige_kedro.hooks.resources.together import loaded_together, unmeasured_options
from tpige_kedro.schemas import Parameters

NONE = Gpus(absent="torch 2.13.0+cpu is built for CPU only")


def cards(*sizes: float) -> Gpus:
    return Gpus(tuple(Gpu(f"Card {i}", round(size * GIB)) for i, size in enumerate(sizes)))


def host(total: float, available: float | None = None, by: str = "this machine") -> HostMemory:
    left = total if available is None else available
    return HostMemory(round(total * GIB), round(left * GIB), by)


def of_gpus(
    found: Gpus, settings: Parameters, *names: str, free: float | None = None
) -> list[tuple[tuple[str, ...], str]]:
    """The problems of a run of these stages on these cards; none of them is occupied unless ``free`` says so."""
    needed = needed_models(stages(*names or ("full",)), settings)

    def unused(index: int) -> int:
        return found.cards[index].total if free is None else round(free * GIB)

    return [(p.models, str(p)) for p in check_gpus(needed, settings, lambda: found, unused)]


def of_host(found: HostMemory, settings: Parameters) -> list[tuple[tuple[str, ...], str]]:
    needed = needed_models(stages("full"), settings)
    return [(p.models, str(p)) for p in check_host_memory(needed, settings, lambda: found)]


def with_models(**models: dict[str, Any]) -> Parameters:
    return parameters(models=models)


VACE = {"memory": {"gpu": 22.9, "host": 5.7}}


@pytest.mark.parametrize(
    ("size", "fits"), [(22.8, False), (22.9, True), (23.6, True), (79.1, True)]
)
def test_a_card_has_to_have_what_a_model_needs(size: float, fits: bool) -> None:
    found = of_gpus(cards(size), with_models(mini_vace=VACE))
    assert fits is (not found)
    for names, text in found:
        assert names == ("mini_vace",)
        assert "models.mini_vace (variants.vace_pe_ge.generator): needs 22.9 GiB" in text
        assert f"cuda:0 (Card 0) has {size} GiB" in text
        assert "offload: model or fp8_storage: true or vae_tiling: true" in text


def test_what_is_set_already_is_not_proposed() -> None:
    saving = {"offload": "model", "free_text_encoder": True}
    need = {"memory": {"gpu": 10, "holds_for": saving}, "options": saving}
    ((_, text),) = of_gpus(cards(8), with_models(mini_vace=need))
    assert "offload" not in text
    assert "free_text_encoder" not in text
    assert "vae_tiling: true" in text


@pytest.mark.parametrize(
    ("then", "now", "holds"),
    [
        ({}, {}, True),
        ({}, {"offload": "none", "vae_tiling": False, "fp8_storage": None}, True),
        ({"offload": "none"}, {}, True),
        ({}, {"steps": 9}, True),
        ({}, {"offload": "model"}, False),
        ({"offload": "model"}, {"offload": "group"}, False),
        ({"offload": "model"}, {"offload": "model"}, True),
        ({"free_text_encoder": True}, {"free_text_encoder": True}, True),
        ({"free_text_encoder": True}, {"free_text_encoder": True, "vae_tiling": True}, False),
        ({"free_text_encoder": True}, {}, False),
    ],
)
def test_a_size_holds_for_the_options_that_it_was_measured_with(
    then: dict[str, Any], now: dict[str, Any], holds: bool
) -> None:
    """An environment for a smaller card changes options of the entry that it extends: the size there says nothing about it."""
    memory = {"gpu": 22.9, "host": 5.7, "holds_for": then}
    settings = with_models(mini_vace={"memory": memory, "options": now})
    assert len(of_gpus(cards(12), settings)) == holds
    assert len(of_host(host(4), settings)) == holds
    assert len(of_gpus(NONE, settings)) == 1, "it expects a GPU all the same"


def test_a_model_of_a_class_without_such_options() -> None:
    ((_, text),) = of_gpus(cards(8), with_models(mini_reader={"memory": {"gpu": 17}}))
    assert "set " not in text
    assert text.endswith(
        "use an environment for a smaller card (conf/README.md) or a smaller model"
    )


def test_generators_are_in_memory_one_at_a_time() -> None:
    both = with_models(mini_vace=VACE, mini_phantom=VACE)
    assert of_gpus(cards(23), both) == []
    assert [names for names, _ in of_gpus(cards(22), both)] == [("mini_phantom",), ("mini_vace",)]


def test_the_scorers_are_in_memory_together() -> None:
    scorers = {name: {"memory": {"gpu": 5}} for name in ("mini_face", "mini_alignment")}
    ((names, text),) = of_gpus(cards(9.9), with_models(**scorers))
    assert names == ("mini_face", "mini_alignment")
    assert "need together 10.0 GiB of GPU memory" in text
    assert "scoring.one_family_at_a_time: true" in text
    assert of_gpus(cards(10), with_models(**scorers)) == []
    apart = parameters(models=scorers, scoring={"one_family_at_a_time": True})
    assert of_gpus(cards(9.9), apart) == []
    assert [names for names, _ in of_gpus(cards(4.9), apart)] == [
        ("mini_face",),
        ("mini_alignment",),
    ]


def test_editor_and_judge_are_in_memory_together() -> None:
    drawing = with_models(mini_still={"memory": {"gpu": 8}}, mini_identity={"memory": {"gpu": 1}})
    ((names, _),) = of_gpus(cards(8.5), drawing)
    assert names == ("mini_still", "mini_identity")
    assert of_gpus(cards(8.5), drawing, "generation_variants") == []


def test_every_needed_model_is_in_one_group() -> None:
    settings = parameters("paper")
    needed = needed_models(stages("full"), settings)
    groups = list(loaded_together(needed, settings))
    assert sorted(name for group in groups for name in group) == sorted(needed)


@pytest.mark.parametrize("option", [{}, {"device": None}, {"device": "cuda"}, {"device": "cuda:0"}])
def test_the_card_is_the_one_that_the_options_name(option: dict[str, Any]) -> None:
    settings = with_models(mini_vace={**VACE, "options": option})
    assert of_gpus(cards(23, 8), settings) == []
    ((_, text),) = of_gpus(cards(8, 23), settings)
    assert "cuda:0 (Card 0) has 8.0 GiB" in text


def test_another_card() -> None:
    second = with_models(mini_vace={**VACE, "options": {"device": "cuda:1"}})
    assert of_gpus(cards(8, 23), second) == []
    ((_, text),) = of_gpus(cards(23), second)
    assert "options.device asks for cuda:1, this machine has cuda:0 (Card 0); correct it" in text


def test_models_on_different_cards_do_not_add_up() -> None:
    settings = with_models(
        mini_face={"memory": {"gpu": 5}, "options": {"device": "cuda:1"}},
        mini_motion={"memory": {"gpu": 5}, "options": {"device": "cuda:0"}},
    )
    assert of_gpus(cards(6, 6), settings) == []
    assert len(of_gpus(cards(6, 4), settings)) == 1


SEVERAL = {
    "type": "tpige_kedro.video_generators.several_gpus.SeveralGpus",
    "memory": {"gpu": 20},
    "options": {
        "generator": "tpige_kedro.video_generators.wan_vace.WanVace",
        "gpus": 2,
        "split": "context",
    },
}


def test_each_of_several_cards_has_to_hold_the_model() -> None:
    several = with_models(mini_vace=SEVERAL)
    assert of_gpus(cards(24, 24), several, free=1) == [], "other processes will look at them"
    ((_, small),) = of_gpus(cards(24, 16), several)
    assert "cuda:1 (Card 1) has 16.0 GiB" in small
    assert "offload" not in small, "several_gpus does not take it"
    ((_, absent),) = of_gpus(cards(24), several)
    assert "options.gpus asks for cuda:1" in absent


def test_without_a_gpu_the_run_stops(caplog: pytest.LogCaptureFixture) -> None:
    ((names, text),) = of_gpus(NONE, with_models(mini_vace=VACE))
    assert names == ("mini_vace",)
    assert text.startswith("models.mini_vace (variants.vace_pe_ge.generator), 22.9 GiB: expects a")
    assert "expects a GPU and there is none (torch 2.13.0+cpu is built for CPU" in text
    assert "--params=allow_cpu=true" in text
    anyway = parameters(models={"mini_vace": VACE}, allow_cpu=True)
    assert of_gpus(NONE, anyway) == []
    assert "models.mini_vace expects a GPU and runs on the CPU (torch 2.13.0+cpu" in caplog.text


@pytest.mark.parametrize("option", ["device", "noise_device"])
def test_options_that_work_with_cuda_only_cannot_be_waived(option: str) -> None:
    """Such a run would fail in its middle."""
    settings = parameters(models={"mini_vace": {"options": {option: "cuda"}}}, allow_cpu=True)
    ((_, text),) = of_gpus(NONE, settings)
    assert f"options.{option}: cuda needs a GPU and there is none" in text
    assert of_gpus(cards(8), settings) == []


@pytest.mark.parametrize("device", ["cpu", "mps"])
def test_models_that_are_put_elsewhere_need_no_cuda(device: str) -> None:
    assert of_gpus(NONE, with_models(mini_vace={**VACE, "options": {"device": device}})) == []


WHOLE = {"memory": {"gpu": 20, "host": 6}}


def test_an_occupied_card_is_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    settings = with_models(mini_vace=WHOLE)
    assert of_gpus(cards(24), settings, free=20) == []
    assert caplog.text == "", "exactly enough is left"
    assert of_gpus(cards(24), settings, free=10) == []
    assert "needs 20.0 GiB of GPU memory, other processes leave 10.0 GiB of 24.0 GiB on cuda:0" in caplog.text  # fmt: skip


def test_a_stage_that_does_not_run_needs_nothing() -> None:
    settings = with_models(mini_vace=VACE)
    assert of_gpus(NONE, settings, "scoring", "moe_selection", "reporting") == []


def test_nobody_looks_for_a_gpu_where_no_model_expects_one() -> None:
    settings = parameters()
    needed = needed_models(stages("full"), settings)
    look = lambda: pytest.fail("looked for a GPU")  # noqa: E731
    assert list(check_gpus(needed, settings, look)) == []
    assert list(check_host_memory(needed, settings, look)) == []


@pytest.mark.parametrize(("total", "fits"), [(5.6, False), (5.7, True)])
def test_the_host_has_to_have_what_a_model_needs(total: float, fits: bool) -> None:
    found = of_host(
        host(total, by="the memory limit of its container"), with_models(mini_vace=VACE)
    )
    assert fits is (not found)
    for names, text in found:
        assert names == ("mini_vace",)
        assert "needs 5.7 GiB of host memory, the memory limit of its container has 5.6 GiB" in text


def test_an_occupied_host_is_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    assert of_host(host(16, 6), with_models(mini_vace=WHOLE)) == []
    assert caplog.text == "", "exactly enough is left"
    assert of_host(host(16, 3), with_models(mini_vace=WHOLE)) == []
    assert "needs 6.0 GiB of host memory, other processes leave 3.0 GiB of 16.0 GiB" in caplog.text


def test_the_scorers_share_the_host_too() -> None:
    scorers = {name: {"memory": {"host": 5}} for name in ("mini_face", "mini_alignment")}
    assert of_host(host(10), with_models(**scorers)) == []
    assert len(of_host(host(9.9), with_models(**scorers))) == 1


@pytest.mark.parametrize(
    "environment",
    ["paper", "vace_14b_48gb", "vace_14b_24gb", "vace_1_3b", "vace_1_3b_12gb", "photos"],
)
def test_the_sizes_that_ship_hold_for_the_options_that_ship(environment: str) -> None:
    models = parameters(environment).models
    stated = [name for name, spec in models.items() if spec.memory.gpu]
    assert stated
    assert [name for name in stated if unmeasured_options(models[name])] == []


CARDS = {
    "vace_1_3b_12gb": 11.5,
    "vace_1_3b": 23.5,
    "vace_14b_48gb": 47,
    "vace_14b_24gb": 23.5,
    "paper": 79,
}


@pytest.mark.parametrize("environment", CARDS)
def test_each_environment_fits_its_card(environment: str) -> None:
    settings, card = parameters(environment), CARDS[environment]
    assert of_gpus(cards(card), settings) == []
    assert of_gpus(cards(card / 3), settings) != []


@pytest.mark.parametrize("need", [{"gpu": 0}, {"gpu": -1}, {"host": "much"}, {"gpus": 1}])
def test_a_need_is_a_size(need: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"models\.mini_vace\.memory"):
        with_models(mini_vace={"memory": need})


def test_a_need_changes_no_fingerprint() -> None:
    from tpige_kedro.models import model_identity

    with_need, without = with_models(mini_vace=VACE), parameters()
    assert model_identity(with_need.models["mini_vace"]) == model_identity(
        without.models["mini_vace"]
    )


def test_the_laptop_run_is_looked_at_without_torch_and_without_the_hub() -> None:
    code = """
import sys
sys.path.insert(0, "tests")
from environments import parameters, stages
from tpige_kedro.execution.machine import host_memory
from tpige_kedro.hooks.resources.check import look_at_resources
class Catalog:
    def get(self, name): return None
needed = stages("scoring", "generation_variants")
found = look_at_resources(needed, parameters(), Catalog())
host_memory()
assert (found.of_models, found.of_disks, found.outlook) == ([], [], []), found
print([m for m in ("torch", "huggingface_hub", "diffusers") if m in sys.modules])
"""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
