"""The LoRA's matrices end up where they belong: the same forward pass as FLUX's own fused matrices give."""

import copy
from pathlib import Path

import pytest
import torch
from diffusers import FluxTransformer2DModel
from safetensors.torch import save_file

from image_editors.tiny_editors import flux_transformer, lora_weights
from tpige_kedro.errors import ModelError
from tpige_kedro.image_editors.lora import diffusers_names, merge_lora, merge_lora_file
from tpige_kedro.rehearsal.layouts import flux

MATRICES = flux.lora_matrices(flux.TINY)


def test_every_matrix_changes_by_alpha_over_rank_times_up_down() -> None:
    torch.manual_seed(0)
    before = flux_transformer()
    after = copy.deepcopy(before)
    weights = lora_weights(rank=2, alpha=4.0)
    assert merge_lora(after, weights) == len(MATRICES)
    for name in MATRICES:
        paths = diffusers_names(name)
        change = torch.cat(
            [after.get_submodule(p).weight - before.get_submodule(p).weight for p in paths]
        )
        up, down = (weights[f"lora_unet_{name}.lora_{part}.weight"] for part in ("up", "down"))
        torch.testing.assert_close(change, 2.0 * up @ down, rtol=1e-4, atol=1e-5)
    changed = {path for name in MATRICES for path in diffusers_names(name)}
    for path, parameter in before.named_parameters():
        if path.removesuffix(".weight") not in changed:
            assert torch.equal(parameter, after.get_parameter(path)), path


def test_query_key_and_value_are_the_thirds_in_this_order() -> None:
    transformer = flux_transformer()
    block = transformer.transformer_blocks[0].attn
    old = [m.weight.clone() for m in (block.to_q, block.to_k, block.to_v)]
    up = torch.cat([torch.full((24, 1), value) for value in (1.0, 2.0, 3.0)])
    stem = "lora_unet_double_blocks_0_img_attn_qkv"
    merge_lora(
        transformer,
        {f"{stem}.lora_down.weight": torch.ones(1, 24), f"{stem}.lora_up.weight": up},
    )
    for value, before, module in zip(
        (1, 2, 3), old, (block.to_q, block.to_k, block.to_v), strict=True
    ):
        torch.testing.assert_close(module.weight - before, torch.full((24, 24), float(value)))


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ("transformer.blocks.0.lora_A.weight", "not a key of ACE"),
        ("lora_unet_double_blocks_7_img_mlp_0.lora_up.weight", "double_blocks_7|lora_down"),
        ("lora_unet_unknown_part.lora_up.weight", "unknown_part|lora_down"),
    ],
)
def test_a_file_of_another_kind_is_named(tmp_path: Path, key: str, message: str) -> None:
    file = tmp_path / "other.safetensors"
    save_file({key: torch.ones(2, 2)}, str(file))
    with pytest.raises(ModelError, match=rf"other\.safetensors.*({message}).*lora_weights"):
        merge_lora_file(flux_transformer(), file)


def test_weights_of_another_size_and_no_weights_at_all(tmp_path: Path) -> None:
    stem = "lora_unet_double_blocks_0_img_attn_proj"
    file = tmp_path / "large.safetensors"
    parts = {f"{stem}.lora_down.weight": torch.ones(1, 3072)}
    save_file({**parts, f"{stem}.lora_up.weight": torch.ones(3072, 1)}, str(file))
    with pytest.raises(ModelError, match=r"img_attn_proj: \(3072, 3072\) does not fit \(24, 24\)"):
        merge_lora_file(flux_transformer(), file)
    file.write_bytes(b"a page that says 404")
    with pytest.raises(
        ModelError,
        match=r"large\.safetensors is not a complete safetensors file.*download it again",
    ):
        merge_lora_file(flux_transformer(), file)


def test_diffusers_own_reading_of_such_a_file_comes_to_the_same(tmp_path: Path) -> None:
    """Its conversion is fixed to FLUX's width for ``linear1``; all other matrices can be compared."""
    from diffusers import FluxFillPipeline

    weights = {k: v for k, v in lora_weights().items() if "linear1" not in k}
    file = tmp_path / "lora.safetensors"
    save_file(weights, str(file))
    theirs = FluxFillPipeline.lora_state_dict(str(file))
    before = flux_transformer()
    after = copy.deepcopy(before)
    assert merge_lora_file(after, file) == len(MATRICES) - 1
    paths = {key.rsplit(".lora_", 1)[0] for key in theirs}
    assert len(paths) == 16  # 12 matrices, of which two are three each
    for path in paths:
        module = path.removeprefix("transformer.")
        change = after.get_submodule(module).weight - before.get_submodule(module).weight
        wanted = theirs[f"{path}.lora_B.weight"] @ theirs[f"{path}.lora_A.weight"]
        torch.testing.assert_close(change, wanted, rtol=1e-4, atol=1e-5)


def two_blocks() -> tuple[FluxTransformer2DModel, dict[str, torch.Tensor]]:
    """A transformer with two blocks of each kind, and a whole LoRA for it."""
    small = dict(flux_transformer().config)
    transformer = FluxTransformer2DModel.from_config(
        {**small, "num_layers": 2, "num_single_layers": 2}
    )
    weights = lora_weights()
    second = {key.replace("blocks_0", "blocks_1"): value.clone() for key, value in weights.items()}
    return transformer, {**weights, **second}


@pytest.mark.parametrize(
    ("lost", "message"),
    [
        (("double_blocks_1_txt_mlp_0.lora_up.weight",), "txt_mlp_0 has no lora_up.weight"),
        (("single_blocks_0_linear2.alpha",), "linear2 has no alpha"),
        (("double_blocks_1_img_attn_qkv.",), r"it lacks 1 of its matrices \(double_blocks_1_img_attn_qkv"),
        (("single_blocks_1_",), r"it lacks 3 of its matrices \(single_blocks_1_linear1"),
    ],
)  # fmt: skip
def test_a_lora_with_a_part_lost_is_refused_and_changes_nothing(
    tmp_path: Path, lost: tuple[str, ...], message: str
) -> None:
    transformer, weights = two_blocks()
    before = copy.deepcopy(transformer.state_dict())
    file = tmp_path / "lora.safetensors"
    save_file({k: v for k, v in weights.items() if not any(part in k for part in lost)}, file)
    with pytest.raises(ModelError, match=rf"lora\.safetensors.*{message}.*incomplete"):
        merge_lora_file(transformer, file)
    assert all(torch.equal(before[name], value) for name, value in transformer.state_dict().items())
    save_file(weights, file)
    assert merge_lora_file(transformer, file) == 2 * len(MATRICES)


@pytest.mark.parametrize("bytes_left", [0, 30, 2000, -8])
def test_a_lora_cut_short_is_refused(tmp_path: Path, bytes_left: int) -> None:
    file = tmp_path / "lora.safetensors"
    save_file(lora_weights(), file)
    file.write_bytes(file.read_bytes()[:bytes_left])
    with pytest.raises(ModelError, match=r"lora\.safetensors is not a complete.*download it again"):
        merge_lora_file(flux_transformer(), file)
