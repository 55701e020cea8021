"""The layouts at full size, against numbers that are published: of tensors, parameters and bytes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from diffusers import WanVACETransformer3DModel

from tpige_kedro.rehearsal.files import File, write_files
from tpige_kedro.rehearsal.layouts import clip, flux, qwen, qwen_image, scorers, wan
from tpige_kedro.video_generators.loras.merging import merge_loras
from tpige_kedro.video_generators.loras.settings import Lora
from tpige_kedro.weights.diffusers_models import load_network

GB = 1e9


def size(files: list[File]) -> float:
    return sum(file.bytes for file in files) / GB


def test_vace_has_its_published_size_and_files() -> None:
    files = wan.pipeline_folder(wan.SIZES["14b"], vace=True)
    names = {file.name for file in files}
    assert size([f for f in files if f.name.startswith("transformer/")]) == pytest.approx(
        34.7, 0.01
    )
    assert size([f for f in files if f.name.startswith("text_encoder/")]) == pytest.approx(
        11.4, 0.01
    )
    assert {
        "model_index.json",
        "scheduler/scheduler_config.json",
        "tokenizer/tokenizer.json",
    } < names
    assert "transformer/diffusion_pytorch_model-00007-of-00007.safetensors" in names


def test_phantom_has_the_authors_names() -> None:
    small = wan.phantom_small(wan.SIZES["1.3b"])
    assert [file.name for file in small] == ["Phantom-Wan-1.3B.pth"]
    assert size(small) == pytest.approx(2.84, 0.01)  # half of the 5.68 GB in float32
    large = wan.phantom_large(wan.SIZES["14b"])
    assert [file.name for file in large] == [
        "Phantom_Wan_14B.safetensors.index.json",
        *(f"Phantom_Wan_14B-0000{i}-of-00006.safetensors" for i in range(1, 7)),
    ]
    keys = wan.phantom_tensors(wan.TINY["14b"])
    assert {"blocks.0.self_attn.q.weight", "head.head.weight", "head.modulation"} < {*keys}
    assert not [key for key in keys if "attn1" in key or "to_out" in key]


def test_the_lora_of_ace_changes_304_matrices() -> None:
    assert len(flux.lora_matrices(flux.FULL)) == 304
    assert size(flux.lora(tiny=False)) == pytest.approx(0.6126, 0.01)
    assert size(flux.fill(tiny=False)) == pytest.approx(33.7, 0.01)


def test_loras_of_few_steps_have_their_published_size_and_fit(tmp_path: Path) -> None:
    assert size(wan.lora(wan.SIZES["14b"], "a.safetensors", 64)) == pytest.approx(0.631, 0.05)
    assert size(wan.lora(wan.SIZES["1.3b"], "a.safetensors", 32)) == pytest.approx(0.091, 0.05)
    tiny = wan.TINY["14b"]
    files = [*wan.pipeline_folder(tiny, vace=True), *wan.lora(tiny, "a.safetensors", 2)]
    write_files(tmp_path, [f for f in files if f.name.startswith(("transformer/", "a."))])
    network, before = (load_network(WanVACETransformer3DModel, tmp_path / "transformer", torch.float32) for _ in range(2))  # fmt: skip
    merge_loras(network, [Lora(source=str(tmp_path), weights="a.safetensors")])
    changed = [n for n, w in network.state_dict().items() if not w.equal(before.state_dict()[n])]
    assert (
        len(changed) == 10 * tiny.layers
    )  # eight matrices of attention and two of the feed-forward


def test_qwen_image_edit_has_its_published_size_and_files() -> None:
    files = qwen_image.edit(tiny=False)
    assert size(files) == pytest.approx(57.7, 0.01)
    assert {
        "transformer/diffusion_pytorch_model-00005-of-00005.safetensors",
        "text_encoder/model-00004-of-00004.safetensors",
        "processor/preprocessor_config.json",
    } < {file.name for file in files}


def test_the_qwen_family_and_clip() -> None:
    assert size(qwen.reader(tiny=False)) == pytest.approx(16.58, 0.01)
    assert size(qwen.gme(tiny=False)) == pytest.approx(4.42, 0.01)  # half of 8.84 in float32
    assert size(clip.clip(tiny=False)) == pytest.approx(0.599, 0.01)


def test_special_tokens_have_the_published_ids(tmp_path: Path) -> None:
    from transformers import Qwen2Tokenizer

    for file in qwen.qwen_files():
        file.write(tmp_path / file.name)
    tokenizer = Qwen2Tokenizer.from_pretrained(tmp_path)
    wanted = {"<|endoftext|>": 151643, "<|im_end|>": 151645, "<|image_pad|>": 151655}
    assert {token: tokenizer.convert_tokens_to_ids(token) for token in wanted} == wanted
    assert tokenizer("hi<|im_end|>")["input_ids"][-1] == 151645


def test_loose_checkpoints_lie_under_their_published_names() -> None:
    names = {
        file.name
        for file in [*scorers.face_folder(False), *scorers.amt(False), *scorers.musiq(False)]
    }
    assert {"buffalo_l/det_10g.onnx", "buffalo_l/w600k_r50.onnx", "amt-s.pth"} < names
    assert json.dumps(sorted(names)).count(".pth") >= 3
