"""What a run says at its start about what it will take."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from environments import parameters, stages
from tpige_kedro.errors import ModelError
from tpige_kedro.execution.machine import GIB, Gpu, Gpus, HostMemory, Room
from tpige_kedro.hooks.preflight import needed_models
from tpige_kedro.hooks.resources.check import Machine, look_at_resources
from tpige_kedro.hooks.resources.costs import costs
from tpige_kedro.schemas import Parameters
from tpige_kedro.weights.parts import Part

GPT = "tpige_kedro.vision_language.openai_compatible.OpenAICompatible"


class Answer:
    def __init__(self, size: int) -> None:
        self.bytes = size


class Catalog:
    """Knows nothing."""

    def get(self, name: str) -> None:
        return None


def machine(**sizes: float) -> Machine:
    """With a card of 80 GiB, a host of 128 GiB, 500 GB free, and this much of each hub id to download."""

    def ask(part: Part) -> Answer:
        return Answer(round(sizes.get(part.place.partition("/")[2].partition(".")[0], 0) * 10**9))

    return Machine(
        ask=ask,
        gpus=lambda: Gpus((Gpu("Card", 80 * GIB),)),
        free_gpu_memory=lambda index: 80 * GIB,
        host_memory=lambda: HostMemory(128 * GIB, 128 * GIB),
        room=lambda folder: Room(500 * 10**9, 1),
    )


def outlook(settings: Parameters, here: Machine, *names: str) -> list[str]:
    found = look_at_resources(stages(*names or ("full",)), settings, Catalog(), here)
    return found.outlook


def entry(**changes: Any) -> dict[str, Any]:
    return {"type": GPT, "licence": "x", "options": {"model": "m", **changes}}


def limits(**options: Any) -> str:
    settings = parameters(models={"mine": entry(**options)}, prompt_enhancement={"reader": "mine"})
    return ", ".join(costs(needed_models(stages("full"), settings), settings))


def test_a_run_of_real_models_says_what_it_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MINIMAX_API_KEY", "a-key-for-tests")
    settings = parameters(
        "paper",
        models={
            "vace_14b": {"memory": {"gpu": 46.5, "host": 3.5}},
            "phantom_14b": {"memory": {"gpu": 40}},
        },
    )
    download, memory, cost = outlook(settings, machine(**{"Wan2": 57.4, "AMT": 0.012}))
    assert download.startswith("to download: ")
    assert "Wan-AI/Wan2.1-VACE-14B-diffusers 57.4 GB" in download
    assert "lalala125/AMT 12.0 MB" in download
    assert download.endswith("which has 500.0 GB free")
    assert "up to 46.5 GiB of cuda:0 (vace_14b), Card has 80.0 GiB" in memory
    assert "up to 3.5 GiB of the host (vace_14b), it has 128.0 GiB" in memory
    assert (
        cost
        == "costs at most: gpt_4o 25 US dollars (max_dollars), hailuo 50 paid tasks (max_tasks)"
    )


def test_clips_that_are_paid_for_with_their_price() -> None:
    settings = parameters("paper", models={"hailuo": {"options": {"clip_price": 0.5}}})
    (told,) = costs({"hailuo": "variants.hailuo.generator"}, settings)
    assert told == "hailuo 50 paid tasks (max_tasks), 25 US dollars (clip_price)"


def test_what_is_cached_is_said() -> None:
    (first, *_) = outlook(parameters("vace_1_3b"), machine())
    assert first.startswith("to download: nothing, all weights of the hub are in /")


def test_the_laptop_run_says_nothing() -> None:
    assert outlook(parameters(), machine()) == []


def test_a_stage_speaks_of_its_own_models() -> None:
    settings = parameters(models={"mini_vace": {"memory": {"gpu": 20}}})
    assert outlook(settings, machine(), "scoring") == []
    (memory,) = outlook(settings, machine(), "generation_variants")
    assert "(mini_vace)" in memory


def test_a_size_that_was_measured_otherwise_is_said_to_be() -> None:
    settings = parameters(
        models={"mini_vace": {"memory": {"gpu": 20}, "options": {"offload": "group"}}}
    )
    (memory,) = outlook(settings, machine(), "generation_variants")
    assert memory == "memory: mini_vace was not measured with offload: group"


def test_models_that_are_in_memory_together_add_up() -> None:
    scorers = {name: {"memory": {"gpu": 5, "host": 2}} for name in ("mini_face", "mini_motion")}
    (memory,) = outlook(parameters(models=scorers), machine(), "scoring")
    assert "up to 10.0 GiB of cuda:0 (mini_face, mini_motion)" in memory
    assert "up to 4.0 GiB of the host (mini_face, mini_motion)" in memory


def test_the_limit_of_a_service() -> None:
    priced = {"input_price": 2.5, "output_price": 10}
    assert limits(max_dollars=2.5, **priced) == "mine 2.5 US dollars (max_dollars)"
    assert limits(max_requests=100) == "mine 100 requests (max_requests)"
    both = limits(max_dollars=1, max_requests=9, **priced)
    assert both == "mine 1 US dollars (max_dollars), 9 requests (max_requests)"
    assert limits() == "mine no limit set (options.max_dollars)"
    assert limits(**priced) == "mine no limit set (options.max_dollars)"


def test_a_limit_that_counts_nothing_is_no_limit() -> None:
    found = limits(max_dollars=25)
    assert found == "mine no limit: max_dollars counts nothing without input_price and output_price"


def test_a_server_on_this_machine_costs_nothing() -> None:
    assert limits(base_url="http://localhost:8000/v1") == ""


def test_the_disk_is_looked_at_in_the_same_pass(tmp_path: Path) -> None:
    small = machine(AMT=501)
    found = look_at_resources(stages("full"), parameters("vace_1_3b"), Catalog(), small)
    (text,) = found.of_disks
    assert "the disk has 500.0 GB free and will need 501.0 GB" in text


def test_what_cannot_be_had_is_not_said_to_be_cached() -> None:
    def ask(part: Part) -> Answer:
        if "AMT" in part.place:
            raise ModelError("no such repository")
        return Answer(0)

    lines = outlook(parameters("vace_1_3b"), replace(machine(), ask=ask))
    assert not any("to download" in line for line in lines)


def test_everything_is_looked_at(tmp_path: Path) -> None:
    def ask(part: Part) -> Answer:
        raise ModelError("no such repository")

    poor = Machine(
        ask=ask,
        gpus=lambda: Gpus(absent="none in this machine"),
        host_memory=lambda: HostMemory(GIB, GIB),
        room=lambda folder: Room(500 * 10**9, 1),
    )
    settings = parameters(
        models={
            "mini_reader": entry(base_url="http://127.0.0.1:9/v1"),
            "mini_vace": {"source": "owner/name"},
            "mini_phantom": {"options": {"base": str(tmp_path / "not" / "there")}},
            "mini_motion": {"memory": {"gpu": 5}},
            "mini_imaging": {"memory": {"host": 5}},
        }
    )
    found = look_at_resources(stages("full"), settings, Catalog(), poor)
    assert [(problem.models, problem.reason.partition(" ")[0]) for problem in found.of_models] == [
        (("mini_phantom",), "model"),  # source …: no such file or folder
        (("mini_vace",), "no"),  # such repository
        (("mini_motion",), "expects"),  # a GPU
        (("mini_imaging",), "needs"),  # 5 GiB of host memory
        (("mini_reader",), "nothing"),  # answers
    ]
