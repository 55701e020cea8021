"""Each published layout of a LoRA changes the clip as the same change added by hand does, for VACE and for Phantom."""

from __future__ import annotations

import copy
import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import WanPipeline, WanTransformer3DModel, WanVACETransformer3DModel
from safetensors.torch import save_file

from fake_hub import FakeHub
from tpige_kedro.schemas import Guidance
from tpige_kedro.video_generators.loras.merging import merge_loras
from tpige_kedro.video_generators.loras.settings import Lora
from tpige_kedro.video_generators.phantom import Phantom
from tpige_kedro.video_generators.protocol import ClipRequest
from tpige_kedro.video_generators.wan_vace import WanVace
from video_generators.loras.lora_files import (
    ALPHA,
    LAYOUTS,
    RANK,
    by_hand,
    low_rank_targets,
    matrices,
    save_lora,
)
from video_generators.tiny_wan import OPTIONS, picture, transformer

REQUEST = ClipRequest("s1", "a man in the rain", (picture(),), 5)
GUIDED = Guidance(
    text_weight=2.0, identity_weight=0.5, skip_layers=(1,), weak_branch="as_published"
)
FEW = {**OPTIONS, "steps": 1, "num_frames": 5}


def video(generator: WanVace | Phantom, guidance: Guidance = GUIDED) -> np.ndarray:
    """The clip before rounding, in [0, 1]."""
    generator.text.prepare([OPTIONS["negative_prompt"], REQUEST.prompt])
    conditions = [generator.conditions(REQUEST, guidance)]
    return generator.sample([REQUEST], conditions, guidance, generator.guider(guidance))[0]


@pytest.fixture(scope="module", params=[WanVACETransformer3DModel, WanTransformer3DModel])
def model(request: pytest.FixtureRequest) -> Any:
    """The transformer of VACE, and that of Phantom."""
    torch.manual_seed(1)
    return transformer(request.param)


def predicted(model: Any) -> torch.Tensor:
    """What the transformer predicts from noise."""
    generator = torch.Generator().manual_seed(0)
    noise, text = (torch.randn(s, generator=generator) for s in ((1, 16, 2, 4, 6), (1, 12, 16)))
    more = {}
    if hasattr(model, "vace_blocks"):
        more["control_hidden_states"] = torch.randn(1, 96, 2, 4, 6, generator=generator)
    time = torch.tensor([700.0])
    with torch.no_grad():
        output: torch.Tensor = model(noise, time, text, return_dict=False, **more)[0]
    return output


def with_lora(model: Any, file: Path, scale: float = 1.0) -> Any:
    changed = copy.deepcopy(model)
    merge_loras(changed, [Lora(source=str(file), scale=scale)])
    return changed


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_layout_changes_the_output_as_by_hand(layout: str, model: Any, tmp_path: Path) -> None:
    pairs = matrices(model, low_rank_targets(model))
    file = save_lora(tmp_path / "lora.safetensors", model, layout, pairs)
    changed = predicted(with_lora(model, file, scale=0.5))
    wanted = predicted(by_hand(model, pairs, 0.5 * ALPHA / RANK))
    torch.testing.assert_close(changed, wanted, atol=1e-5, rtol=0)
    assert (changed - predicted(model)).abs().max() > 0.1


def test_without_alpha_the_factor_is_the_scale(model: Any, tmp_path: Path) -> None:
    pairs = matrices(model, low_rank_targets(model))
    file = save_lora(tmp_path / "lora.safetensors", model, "native", pairs, alpha=None)
    changed, wanted = with_lora(model, file, scale=-0.5), by_hand(model, pairs, -0.5)
    torch.testing.assert_close(predicted(changed), predicted(wanted), atol=1e-5, rtol=0)


def test_whole_differences_of_norms_biases_and_modulations(model: Any, tmp_path: Path) -> None:
    names = ["blocks.1.norm2.weight", "blocks.1.norm2.bias", "blocks.2.attn1.to_q.bias"]
    names += ["blocks.0.attn2.norm_k.weight", "blocks.0.scale_shift_table", "scale_shift_table"]
    names += ["patch_embedding.weight", "proj_out.weight", "condition_embedder.time_proj.bias"]
    if hasattr(model, "vace_blocks"):
        names += ["vace_blocks.1.scale_shift_table", "vace_blocks.0.proj_out.bias"]
    differences = {name: torch.randn_like(model.get_parameter(name)) * 0.2 for name in names}
    pairs = matrices(model, ["blocks.2.attn1.to_q"])
    file = save_lora(tmp_path / "full.safetensors", model, "lightx2v", pairs, differences)
    changed = with_lora(model, file, scale=0.5)
    wanted = by_hand(model, pairs, 0.5 * ALPHA / RANK, differences, 0.5)
    for name, value in wanted.state_dict().items():
        torch.testing.assert_close(changed.state_dict()[name], value, atol=1e-5, rtol=0)
    torch.testing.assert_close(predicted(changed), predicted(wanted), atol=1e-5, rtol=0)


@pytest.mark.parametrize(("alpha", "factor"), [(ALPHA, ALPHA / RANK), (None, 1.0)])
def test_a_bias_beside_the_matrices_of_peft(
    alpha: float | None, factor: float, model: Any, tmp_path: Path
) -> None:
    """It is multiplied by alpha / rank like the product; without alpha it is added as it is."""
    stem, bias = "transformer.blocks.0.attn1.to_q", torch.ones(24)
    (down, up) = matrices(model, ["blocks.0.attn1.to_q"])["blocks.0.attn1.to_q"]
    weights = {f"{stem}.lora_A.weight": down, f"{stem}.lora_B.weight": up}
    metadata = {"lora_adapter_metadata": json.dumps({"lora_alpha": alpha})} if alpha else None
    file = tmp_path / "lora.safetensors"
    save_file({**weights, f"{stem}.lora_B.bias": bias}, str(file), metadata)
    before, after = (m.blocks[0].attn1.to_q.bias for m in (model, with_lora(model, file, 0.5)))
    torch.testing.assert_close(after - before, 0.5 * factor * bias)


@pytest.mark.parametrize("kind", ["vace", "phantom"])
def test_a_generator_merges_what_conf_lists(
    kind: str, vace_folder: Path, phantom_folder: Path, tmp_path: Path
) -> None:
    def build(**options: Any) -> WanVace | Phantom:
        if kind == "vace":
            return WanVace(str(vace_folder), **FEW, **options)
        return Phantom(str(phantom_folder), base=str(vace_folder), **FEW, **options)

    plain = build()
    pairs = matrices(plain.transformer, low_rank_targets(plain.transformer))
    save_lora(tmp_path / "lora.safetensors", plain.transformer, "lightx2v", pairs)
    listed = [{"source": str(tmp_path), "weights": "lora.safetensors", "scale": 0.5}]
    changed = video(build(loras=listed))
    before = video(plain)
    _take_weights(plain, by_hand(plain.transformer, pairs, 0.5 * ALPHA / RANK))
    np.testing.assert_allclose(changed, video(plain), atol=1e-5, rtol=0)
    assert np.abs(changed - before).max() > 1e-3


def test_the_plain_twin_is_changed_too(vace_folder: Path, tmp_path: Path) -> None:
    """The weak branch of the form t2v runs on the blocks that the LoRA changed."""
    twin = Guidance(text_weight=0.0, identity_weight=0.5, weak_branch="t2v")
    plain = WanVace(str(vace_folder), **FEW)
    pairs = matrices(plain.transformer, ["blocks.0.attn1.to_q", "blocks.0.ffn.net.0.proj"])
    file = save_lora(tmp_path / "lora.safetensors", plain.transformer, "lightx2v", pairs)
    changed = WanVace(str(vace_folder), **FEW, loras=[{"source": str(file)}])
    _take_weights(plain, by_hand(plain.transformer, pairs, ALPHA / RANK))
    np.testing.assert_allclose(video(changed, twin), video(plain, twin), atol=1e-5, rtol=0)


def test_a_lora_of_the_hub_is_the_one_file_that_is_downloaded(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    model = transformer(WanTransformer3DModel)
    pairs = matrices(model, ["blocks.0.attn1.to_q"])
    file = save_lora(tmp_path / "lora.safetensors", model, "lightx2v", pairs)
    names = ("fast/four steps.safetensors", "fast/eight steps.safetensors", "other.safetensors")
    lora = Lora(source="owner/four-step-loras", weights=names[0])
    with FakeHub() as hub:
        hub.add("owner/four-step-loras", {name: file.read_bytes() for name in names})
        hub.use(monkeypatch, tmp_path / "cache")
        online = copy.deepcopy(model)
        merge_loras(online, [lora])
        assert set(hub.sent) == {("owner/four-step-loras", names[0])}
    cached = copy.deepcopy(model)
    merge_loras(cached, [lora])  # the hub is gone
    wanted = by_hand(model, pairs, ALPHA / RANK).blocks[0].attn1.to_q.weight
    for changed in (online, cached):
        torch.testing.assert_close(changed.blocks[0].attn1.to_q.weight, wanted)


def test_two_loras_add_up_in_any_order() -> None:
    model = transformer(WanTransformer3DModel)
    half = copy.deepcopy(model).to(torch.bfloat16)
    files = {}
    for seed in (0, 1):
        files[seed] = matrices(model, ["blocks.0.attn1.to_q", "blocks.1.ffn.net.2"], seed)
    first, second = (files[seed] for seed in (0, 1))
    changed = [_merged(half, order) for order in ((first, second), (second, first))]
    for name, value in changed[0].state_dict().items():
        assert torch.equal(value, changed[1].state_dict()[name]), name
    wanted = by_hand(by_hand(model, first, 1.0), second, 1.0)
    exact = _merged(model, (first, second))
    for name, value in exact.state_dict().items():
        torch.testing.assert_close(value, wanted.state_dict()[name], rtol=0, atol=1e-5)


def test_half_precision_is_summed_in_float32_and_rounded_once() -> None:
    model = transformer(WanTransformer3DModel)
    half = copy.deepcopy(model).to(torch.bfloat16)
    pairs = matrices(model, ["blocks.0.attn1.to_q"])
    down, up = pairs["blocks.0.attn1.to_q"]
    changed = _merged(half, (pairs,)).blocks[0].attn1.to_q.weight
    exact = half.blocks[0].attn1.to_q.weight.float() + up @ down
    assert changed.dtype == torch.bfloat16
    assert torch.equal(changed, exact.bfloat16())


@pytest.mark.parametrize("layout", ["lightx2v", "kohya"])
def test_diffusers_own_reading_of_such_a_file_comes_to_the_same(
    layout: str, tmp_path: Path
) -> None:
    model = transformer(WanTransformer3DModel)
    kinds = [t for t in low_rank_targets(model) if t.startswith("blocks.")]
    blocks = [
        t.replace("blocks.3", "blocks.1") for t in kinds
    ]  # its converter wants them from 0 on
    pairs = matrices(model, blocks)
    file = save_lora(tmp_path / "lora.safetensors", model, layout, pairs)
    theirs = WanPipeline.lora_state_dict(str(file))
    changed = copy.deepcopy(model)
    merge_loras(changed, [Lora(source=str(file))])
    assert {key.rsplit(".lora_", 1)[0] for key in theirs} == {f"transformer.{p}" for p in pairs}
    for path in pairs:
        stem = f"transformer.{path}"
        wanted = theirs[f"{stem}.lora_B.weight"] @ theirs[f"{stem}.lora_A.weight"]
        change = changed.get_submodule(path).weight - model.get_submodule(path).weight
        torch.testing.assert_close(change, wanted, rtol=1e-4, atol=1e-5)


def test_a_lora_goes_with_weights_stored_in_eight_bits(vace_folder: Path, tmp_path: Path) -> None:
    """It is merged before the weights are rounded to their storage."""
    plain = WanVace(str(vace_folder), **FEW)
    pairs = matrices(plain.transformer, ["blocks.0.attn1.to_q"])
    file = save_lora(tmp_path / "lora.safetensors", plain.transformer, "native", pairs)
    stored = WanVace(str(vace_folder), **FEW, loras=[{"source": str(file)}], fp8_storage=True)
    merged = by_hand(plain.transformer, pairs, ALPHA / RANK).blocks[0].attn1.to_q.weight
    kept = stored.transformer.blocks[0].attn1.to_q.weight
    assert kept.dtype == torch.float8_e4m3fn
    assert torch.equal(kept.float(), merged.to(torch.float8_e4m3fn).float())


def _take_weights(generator: WanVace | Phantom, model: torch.nn.Module) -> None:
    generator.transformer.load_state_dict(model.state_dict())


def _merged(model: torch.nn.Module, loras: Any) -> Any:
    """A copy of ``model`` with matrices merged, without a file between."""
    changed = copy.deepcopy(model)
    with tempfile.TemporaryDirectory() as folder:
        files = [
            save_lora(Path(folder) / f"{id(pairs)}.safetensors", model, "native", pairs, alpha=None)
            for pairs in loras
        ]
        merge_loras(changed, [Lora(source=str(file)) for file in files])
    return changed
