"""What is written: the files of the published layouts, their sizes, and values that networks can compute with."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file

from tpige_kedro.rehearsal.files import network_files, split, torch_file, write_safetensors
from tpige_kedro.rehearsal.places import needed
from tpige_kedro.rehearsal.values import RandomValues, TensorSpec, constant_of

TENSORS = {
    "blocks.0.attn.to_q.weight": TensorSpec((64, 48), torch.bfloat16),
    "blocks.0.attn.to_q.bias": TensorSpec((64,), torch.bfloat16),
    "blocks.0.norm1.weight": TensorSpec((48,), torch.float32),
    "blocks.0.norm1.linear.weight": TensorSpec((96, 48), torch.float16),
    "blocks.0.modulation": TensorSpec((1, 6, 48), torch.float32),
    "bn.running_mean": TensorSpec((8,), torch.float32),
    "bn.running_var": TensorSpec((8,), torch.float32),
    "bn.num_batches_tracked": TensorSpec((), torch.int64),
    "text.position_ids": TensorSpec((1, 7), torch.int64),
    "alpha": TensorSpec((), torch.bfloat16),
}


def test_written_tensors_are_those_that_were_asked_for(tmp_path: Path) -> None:
    write_safetensors(tmp_path / "a.safetensors", TENSORS)
    found = load_file(tmp_path / "a.safetensors")
    assert {k: (tuple(v.shape), v.dtype) for k, v in found.items()} == {
        k: (spec.shape, spec.dtype) for k, spec in TENSORS.items()
    }
    assert all(torch.isfinite(v.float()).all() for v in found.values())
    random = found["blocks.0.attn.to_q.weight"].float()
    assert random.std() == pytest.approx(48**-0.5, rel=0.1)
    assert len({tuple(line.tolist()) for line in random}) == 64
    assert found["blocks.0.norm1.linear.weight"].float().std() > 0
    assert (found["blocks.0.norm1.weight"] == 1).all() and (found["bn.running_var"] == 1).all()
    assert (found["blocks.0.attn.to_q.bias"] == 0).all() and (found["bn.running_mean"] == 0).all()
    assert found["text.position_ids"].tolist() == [[0, 1, 2, 3, 4, 5, 6]]
    with safe_open(tmp_path / "a.safetensors", "pt") as file:
        assert file.metadata() == {"format": "pt"}


def test_tensors_larger_than_the_block_are_random_and_whole() -> None:
    values, spec = RandomValues(length=101), TensorSpec((25, 16), torch.float32)
    first, other = values.tensor("a.weight", spec), values.tensor("b.weight", spec)
    assert first.shape == spec.shape and not torch.equal(first, other)
    assert len({tuple(line.tolist()) for line in first}) == 25
    assert torch.equal(first, RandomValues(length=101).tensor("a.weight", spec))


@pytest.mark.parametrize("shards", range(1, len(TENSORS) + 1))
def test_shards_hold_each_tensor_once_and_none_is_empty(shards: int, tmp_path: Path) -> None:
    assert [*map(bool, split(TENSORS, shards))] == [True] * shards
    files = network_files("transformer", "model", TENSORS, shards)
    for file in files:
        path = tmp_path / file.name
        path.parent.mkdir(exist_ok=True)
        file.write(path)
    found = [k for path in tmp_path.glob("*/*.safetensors") for k in load_file(path)]
    assert sorted(found) == sorted(TENSORS)
    if shards > 1:
        index = json.loads((tmp_path / "transformer/model.safetensors.index.json").read_text())
        assert {*index["weight_map"]} == {*TENSORS}
        assert index["metadata"]["total_size"] == sum(spec.bytes for spec in TENSORS.values())


def test_a_torch_file_is_read_without_running_code(tmp_path: Path) -> None:
    torch_file("a.pth", TENSORS, lambda state: {"state_dict": state}).write(tmp_path / "a.pth")
    found = torch.load(tmp_path / "a.pth", weights_only=True)["state_dict"]
    assert {*found} == {*TENSORS}


def test_random_matrices_are_never_taken_for_scales() -> None:
    assert constant_of("norm.linear.weight", TensorSpec((8, 4), torch.float32)) is None
    assert constant_of("norm.gamma", TensorSpec((8, 1, 1, 1), torch.float32)) == 1.0
    assert (
        constant_of("attn.relative_attention_bias.weight", TensorSpec((32, 8), torch.float32))
        is None
    )


def test_an_index_brings_its_shards_and_other_files_stay_out() -> None:
    index, shard = "a.safetensors.index.json", "a-00001-of-00002.safetensors"
    names = [index, shard, "b.pth", "model_index.json"]
    assert {*needed([index], names)} == {index, shard, "model_index.json"}
    assert {*needed(["*.pth"], names)} == {"b.pth", "model_index.json"}
    assert {*needed(["*.bin|*.pth", "*.txt|"], names)} == {"b.pth", "model_index.json"}
    assert {*needed([], names)} == {*names}
