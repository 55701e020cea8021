"""What does not go together is named before anything is made; that the work is shared exactly is in test_several_gpus."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch.distributed as dist
from tiny_wan import OPTIONS

from tpige_kedro.errors import ModelError
from tpige_kedro.schemas import Guidance
from tpige_kedro.video_generators import parallel
from tpige_kedro.video_generators.wan_options import WanOptions
from tpige_kedro.video_generators.wan_vace import WanVace


@pytest.fixture
def group() -> Iterator[None]:
    """A process group of one."""
    dist.init_process_group("gloo", store=dist.HashStore(), rank=0, world_size=1)
    yield
    dist.destroy_process_group()


@pytest.mark.parametrize("options", [{"context": 2}, {"branches": True}])
def test_a_process_alone_is_told_how_to_start_several(vace_folder: Path, options: Any) -> None:
    with pytest.raises(ModelError, match="SeveralGpus"):
        WanVace(str(vace_folder), **OPTIONS, parallel=options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"parallel": {"context": 0}}, "context"),
        ({"parallel": {"context": 2, "branches": True}}, "not both"),
        ({"parallel": {"context": 2}, "offload": "group"}, "offload: 'group'"),
        ({"parallel": {"rings": 2}}, "rings"),
        ({"parallel": {"context": 2}, "compile": True}, "compile: true .* parallel.context"),
        ({"offload": "group", "compile": True}, "compile: true .* offload"),
    ],
)
def test_bad_parallel_options_are_named(options: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        WanOptions(**options)


@pytest.mark.parametrize(
    ("ranks", "width", "message"),
    [
        (4, 48, "but there are 1 processes"),
        (3, 48, "does not divide the model's 2 heads"),
        (2, 80, "does not divide the 15 tokens"),
    ],
)
def test_ranks_must_divide_heads_and_tokens(
    vace_folder: Path,
    group: None,
    monkeypatch: pytest.MonkeyPatch,
    ranks: int,
    width: int,
    message: str,
) -> None:
    if ranks != 4:
        monkeypatch.setattr(parallel.dist, "get_world_size", lambda: ranks)
    options = {**OPTIONS, "width": width, "height": 48 if width == 80 else 32}
    with pytest.raises(ValueError, match=message):
        WanVace(str(vace_folder), **options, parallel={"context": ranks})


def test_layer_0_is_where_tokens_are_split() -> None:
    options = WanOptions(parallel={"context": 2})
    parallel.check_skipping((1, 2), options)
    with pytest.raises(ValueError, match="layer 0"):
        parallel.check_skipping((0, 2), options)


def test_what_each_rank_counted_is_added_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """The cache of blocks sees the branches of its own rank only; the record holds all of them."""

    def gathered(every: list[Any], mine: Counter[str]) -> None:
        every[:] = [mine, Counter(pred_weak=3), Counter(pred_cond=1)]

    monkeypatch.setattr(parallel.dist, "get_world_size", lambda: 3)
    monkeypatch.setattr(parallel.dist, "all_gather_object", gathered)
    assert parallel.added_up(Counter(pred_cond=2)) == Counter(pred_cond=3, pred_weak=3)


def test_one_branch_a_rank_needs_no_more_than_a_group(vace_folder: Path, group: None) -> None:
    generator = WanVace(str(vace_folder), **OPTIONS, parallel={"branches": True})
    generator.check(Guidance(skip_layers=(0,)))
    assert parallel.is_mine(0)
    assert parallel.is_mine(1)
