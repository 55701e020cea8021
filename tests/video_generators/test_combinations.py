"""Every combination of what makes a clip faster or smaller: allowed, or refused by name; allowed ones compile nothing after the first clip."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.distributed as dist
from fake_fa3 import installed
from loras.lora_files import low_rank_targets, matrices, save_lora
from pydantic import ValidationError
from tiny_wan import OPTIONS, save_vace
from torch._dynamo.utils import counters
from vace_runs import GUIDED, PLAIN, one, request

from tpige_kedro.guidance.skipping import PassThrough
from tpige_kedro.rehearsal.layouts import wan
from tpige_kedro.video_generators import acceleration
from tpige_kedro.video_generators.wan_options import WanOptions
from tpige_kedro.video_generators.wan_placement import allow_geometries
from tpige_kedro.video_generators.wan_vace import WanVace

CHOICES: dict[str, tuple[Any, ...]] = {
    "attention": ("auto", "native", "cudnn", "flash_3", "flash_3_fp8", "sage"),
    "quantisation": ("none", "fp8"),
    "cache": (None, {"threshold": 0.1}),
    "compile": (False, True),
    "offload": ("none", "model", "group"),
    "fp8_storage": (False, True),
    "parallel": ({}, {"context": 2}, {"branches": True}),
    "loras": ((), ({"source": "some.safetensors"},)),
    "sampler": ("unipc", "euler", "lcm"),
    "sigmas": ("diffusers", "reference"),
}
SPLIT = {"context": 2}
FORBIDDEN: dict[str, Callable[[dict[str, Any]], bool]] = {  # the words of the refusal: when
    r"sigmas: 'reference'": lambda o: o["sigmas"] == "reference" and o["sampler"] != "unipc",
    r"offload: '\w+' does not work with parallel": lambda o: (
        o["offload"] != "none" and o["parallel"] != {}
    ),
    r"compile: true does not work with .*offload: (model|group)": lambda o: (
        o["compile"] and o["offload"] != "none"
    ),
    r"compile: true does not work with .*fp8_storage": lambda o: o["compile"] and o["fp8_storage"],
    r"compile: true does not work with .*parallel\.context": lambda o: (
        o["compile"] and o["parallel"] == SPLIT
    ),
    r"compile: true does not work with .*attention: sage": lambda o: (
        o["compile"] and o["attention"] == "sage"
    ),
    r"quantisation: fp8 does not work with fp8_storage": lambda o: (
        o["quantisation"] == "fp8" and o["fp8_storage"]
    ),
    r"quantisation: fp8 does not work with offload: group": lambda o: (
        o["quantisation"] == "fp8" and o["offload"] == "group"
    ),
    r"attention: \w+ does not work with parallel\.context": lambda o: (
        o["parallel"] == SPLIT and o["attention"] in ("flash_3", "flash_3_fp8", "sage")
    ),
    r"cache: it does not work with parallel\.context": lambda o: (
        o["parallel"] == SPLIT and o["cache"] is not None
    ),
}


def combinations() -> Iterator[dict[str, Any]]:
    for values in itertools.product(*CHOICES.values()):
        yield dict(zip(CHOICES, values, strict=True))


def test_each_combination_is_allowed_or_refused_for_a_reason_that_holds() -> None:
    import re

    allowed = refused = 0
    named: set[str] = set()
    for options in combinations():
        reasons = [words for words, when in FORBIDDEN.items() if when(options)]
        try:
            WanOptions(**options)
        except ValidationError as error:
            found = {words for words in FORBIDDEN if re.search(words, str(error))}
            assert found, (options, str(error))
            assert found <= {*reasons}, (options, found)
            named |= found
            refused += 1
        else:
            assert not reasons, options
            allowed += 1
    assert named == {*FORBIDDEN}
    assert (allowed, refused) == (1448, 8920)


# --- the allowed ones run: a clip, then others with other guidance, and nothing is compiled again ---

SIDES = replace(wan.TINY["1.3b"], head_dim=16, ffn=64)  # that fp8 multiplies: sixteens
REUSING = {"threshold": 1e9, "first_steps": 1}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(wan.TINY, "1.3b", SIDES)
        yield save_vace(tmp_path_factory.mktemp("sixteens") / "vace")


@pytest.fixture(scope="module")
def lora(folder: Path) -> Path:
    transformer = WanVace(str(folder), **OPTIONS).transformer
    pairs = matrices(transformer, low_rank_targets(transformer))
    return save_lora(folder.parent / "some.safetensors", transformer, "lightx2v", pairs)


@pytest.fixture
def card(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[dict[str, Any]]]:
    """Lets the CPU look like a Hopper card: FlashAttention 3 by a stand-in, fp8 by the CPU's own product, and no C compiler."""
    compile_module = torch.nn.Module.compile
    monkeypatch.setattr(
        torch.nn.Module,
        "compile",
        lambda m, **options: compile_module(m, backend="eager", **options),
    )
    kernels = {"auto": "flash_3"}
    monkeypatch.setattr(
        acceleration, "chosen_attention", lambda asked, *_: kernels.get(asked, asked)
    )
    monkeypatch.setattr(acceleration, "computes_in_fp8", lambda device: True)
    torch.compiler.reset()
    counters.clear()
    with installed() as calls:
        yield calls


@pytest.fixture
def group() -> Iterator[None]:
    """A process group of one."""
    dist.init_process_group("gloo", store=dist.HashStore(), rank=0, world_size=1)
    yield
    dist.destroy_process_group()


RUNS: list[dict[str, Any]] = [  # each pair of switches that may meet does so at least once
    {"attention": "native", "quantisation": "fp8", "stream_text_encoder": True, "loras": True},
    {"attention": "flash_3_fp8", "quantisation": "fp8", "cache": REUSING, "loras": True},
    {
        "attention": "flash_3_fp8",
        "sampler": "lcm",
        "parallel": {"branches": True},
        "cache": REUSING,
    },
    {"quantisation": "fp8", "sampler": "euler", "parallel": {"branches": True}, "loras": True},
    {"attention": "native", "cache": REUSING, "sigmas": "reference", "stream_text_encoder": True},
]
T2V = GUIDED.model_copy(update={"weak_branch": "t2v"})
NO_TEXT = T2V.model_copy(update={"text_weight": 0.0})


@pytest.mark.parametrize("options", RUNS, ids=lambda o: "-".join(map(str, o)) or "plain")
def test_nothing_is_compiled_after_the_first_clip(
    folder: Path, lora: Path, card: list[dict[str, Any]], group: None, options: dict[str, Any]
) -> None:
    wanted = {**OPTIONS, **options, "steps": 4, "compile": True}
    wanted["loras"] = ({"source": str(lora)},) if options.get("loras") else ()
    generator = WanVace(str(folder), **wanted)
    frames, graphs = [], []
    for guidance in (PLAIN, T2V, NO_TEXT, GUIDED):
        clip = one(generator, request(), guidance)
        frames.append(clip.frames)
        graphs.append(counters["stats"]["unique_graphs"])
    # three kinds of block, then that of the plain twin, one frame shorter
    assert graphs == [3, 4, 4, 4]
    uses_package = (
        options.get("attention", "auto").startswith("flash") or "attention" not in options
    )
    assert bool(card) == uses_package
    if "cache" in options:
        assert clip.details["reused_forwards"] == dict.fromkeys(("cond", "uncond", "weak"), 2)
    eager = WanVace(str(folder), **{**wanted, "compile": False})
    same = one(eager, request(), T2V).frames.astype(int)
    assert np.abs(same - frames[1]).max() <= 1


@pytest.mark.parametrize(
    "options",
    [
        {"offload": "model", "quantisation": "fp8", "cache": REUSING, "loras": True},
        {"offload": "group", "cache": REUSING, "loras": True, "sampler": "lcm"},
        {"offload": "model", "attention": "flash_3_fp8"},
        {"fp8_storage": True, "cache": REUSING, "stream_text_encoder": True},
    ],
    ids=lambda o: "-".join(map(str, o)),
)
def test_what_is_not_compiled_makes_the_clip_of_a_card_with_room(
    folder: Path, lora: Path, card: list[dict[str, Any]], options: dict[str, Any]
) -> None:
    wanted = {**OPTIONS, **options}
    wanted["loras"] = ({"source": str(lora)},) if options.get("loras") else ()
    clip = one(WanVace(str(folder), **wanted), request(), T2V)
    roomy = one(WanVace(str(folder), **{**wanted, "offload": "none"}), request(), T2V)
    assert np.abs(clip.frames.astype(int) - roomy.frames).max() <= 1


def test_more_sizes_than_torch_compiles_by_itself() -> None:
    """Numbers of references count as sizes: torch ends a run at the ninth of one block."""
    block = PassThrough()
    torch.compiler.reset()
    allow_geometries()
    block.compile(fullgraph=True, dynamic=False, backend="eager")
    for size in range(2, 14):
        assert block(torch.zeros(size)).shape == (size,)
