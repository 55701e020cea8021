"""A LoRA that does not fit is refused, with the first keys that differ; nothing of it is merged."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import WanTransformer3DModel
from pydantic import ValidationError
from safetensors.torch import save_file

from tpige_kedro.errors import ModelError
from tpige_kedro.hooks.model_options import option_problems
from tpige_kedro.schemas import ModelSpec
from tpige_kedro.video_generators.loras.merging import lora_file, merge_loras
from tpige_kedro.video_generators.loras.settings import Lora
from tpige_kedro.weights.local_files import missing_files
from video_generators.tiny_wan import transformer

Q = "diffusion_model.blocks.0.self_attn.q"
DOWN, UP = f"{Q}.lora_down.weight", f"{Q}.lora_up.weight"
FITTING = {DOWN: torch.ones(2, 24), UP: torch.ones(24, 2)}


@pytest.fixture(scope="module")
def plain() -> torch.nn.Module:
    torch.manual_seed(3)
    return transformer(WanTransformer3DModel)


def pair(stem: str, width: int = 24, rank: int = 2) -> dict[str, torch.Tensor]:
    return {
        f"{stem}.lora_down.weight": torch.ones(rank, width),
        f"{stem}.lora_up.weight": torch.ones(width, rank),
    }


REFUSED: dict[str, tuple[dict[str, torch.Tensor], str]] = {
    "another width": (
        pair(Q, 1536) | pair(f"{Q[:-1]}k", 1536),
        r"2 tensors are of another size: blocks\.0\.attn1\.to_k\.weight is \(24, 24\), not \(1536, 1536\), ",
    ),
    "more layers": (
        pair(Q) | pair("diffusion_model.blocks.29.ffn.0"),
        r"takes 2 of its 4 keys: diffusion_model\.blocks\.29\.ffn\.0\.lora_down\.weight",
    ),
    "an image-to-video LoRA": (
        pair(Q) | pair("diffusion_model.blocks.0.cross_attn.k_img"),
        r"k_img\.lora_down\.weight, .*image-to-video",
    ),
    "its norms alone": (
        FITTING | {"diffusion_model.blocks.0.cross_attn.norm_k_img.diff": torch.ones(24)},
        "norm_k_img.*image-to-video",
    ),
    "a VACE LoRA on a plain Wan": (
        pair(Q) | pair("diffusion_model.vace_blocks.0.self_attn.q"),
        r"WanTransformer3DModel takes 2 of its 4 keys: .*vace_blocks.*of a VACE LoRA",
    ),
    "another family": (
        pair("lora_unet_double_blocks_0_img_attn_proj"),
        "no module of .*double_blocks",
    ),
    "a text encoder's": (FITTING | pair("lora_te_text_model_layers_0"), "lora_te_text_model"),
    "the second model of Wan 2.2": (pair("transformer_2.blocks.0.attn1.to_q"), "transformer_2"),
    "DoRA": (FITTING | {f"{Q}.dora_scale": torch.ones(24)}, "dora_scale.*DoRA"),
    "LoHa": ({f"{Q}.hada_w1_a": torch.ones(24, 2)}, "hada_w1_a.*LoHa"),
    "a checkpoint": ({"blocks.0.self_attn.q.weight": torch.ones(24, 24)}, "takes 1 of its 1 keys"),
    "no keys": ({}, "it holds no weights"),
    "down alone": ({DOWN: torch.ones(2, 24)}, r"blocks\.0\.attn1\.to_q has down without up"),
    "up alone": ({UP: torch.ones(24, 2)}, "has up without down"),
    "alpha alone": ({f"{Q}.alpha": torch.tensor(2.0)}, "has alpha without up"),
    "ranks that differ": (FITTING | {UP: torch.ones(24, 3)}, r"up \(24, 3\) and down \(2, 24\)"),
    "rank 0": ({DOWN: torch.ones(0, 24), UP: torch.ones(24, 0)}, r"up \(24, 0\) and down"),
    "a vector for a matrix": ({DOWN: torch.ones(2), UP: torch.ones(24, 2)}, "do not match"),
    "the transposed": (
        {DOWN: torch.ones(2, 48), UP: torch.ones(24, 2)},
        r"not \(24, 48\)",
    ),
    "two names for one": (
        FITTING | pair("transformer.blocks.0.attn1.to_q"),
        "two keys for one matrix",
    ),
    "a difference of another size": (
        {f"{Q}.diff_b": torch.ones(5)},
        r"to_q\.bias is \(24,\), not \(5,\)",
    ),
    "a bias that the model lacks": (
        {"diffusion_model.blocks.0.self_attn.norm_q.diff_b": torch.ones(24)},
        r"has no blocks\.0\.attn1\.norm_q\.bias",
    ),
    "values that are not finite": (FITTING | {UP: torch.full((24, 2), torch.inf)}, "not finite"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_does_not_fit_is_refused(kind: str, plain: torch.nn.Module, tmp_path: Path) -> None:
    weights, message = REFUSED[kind]
    file = tmp_path / "other.safetensors"
    save_file(weights, str(file))
    before = {name: value.clone() for name, value in plain.state_dict().items()}
    with pytest.raises(ModelError, match=message) as caught:
        merge_loras(plain, [Lora(source=str(file))])
    assert "other.safetensors" in str(caught.value) or "finite" in message
    assert "options.loras" in str(caught.value)
    for name, value in plain.state_dict().items():
        assert torch.equal(value, before[name]), name


def test_one_that_does_not_fit_keeps_the_other_out(plain: torch.nn.Module, tmp_path: Path) -> None:
    fits, other = tmp_path / "fits.safetensors", tmp_path / "other.safetensors"
    save_file(FITTING, str(fits))
    save_file(REFUSED["another width"][0], str(other))
    before = plain.blocks[0].attn1.to_q.weight.clone()
    with pytest.raises(ModelError, match=r"other\.safetensors does not fit"):
        merge_loras(plain, [Lora(source=str(fits)), Lora(source=str(other))])
    assert torch.equal(plain.blocks[0].attn1.to_q.weight, before)


@pytest.mark.parametrize("setting", ["use_rslora", "use_dora", "alpha_pattern"])
def test_settings_of_peft_that_change_the_sum(
    setting: str, plain: torch.nn.Module, tmp_path: Path
) -> None:
    value = {"to_q": 4} if setting == "alpha_pattern" else True
    settings = {"transformer.lora_alpha": 2, f"transformer.{setting}": value}
    file = tmp_path / "peft.safetensors"
    save_file(FITTING, str(file), {"lora_adapter_metadata": json.dumps(settings)})
    with pytest.raises(ModelError, match=f"its metadata sets {setting}"):
        merge_loras(plain, [Lora(source=str(file))])


def half(file: Path) -> None:
    content = file.read_bytes()
    file.write_bytes(content[: len(content) // 2])


def page(file: Path) -> None:
    file.write_text("<html>404</html>")


@pytest.mark.parametrize("damage", [half, page, lambda f: f.write_bytes(b"")])
def test_a_damaged_file(
    damage: Callable[[Path], Any], plain: torch.nn.Module, tmp_path: Path
) -> None:
    file = tmp_path / "lora.safetensors"
    save_file(FITTING, str(file))
    damage(file)
    with pytest.raises(ModelError, match=r"lora\.safetensors cannot be read.*download it again"):
        merge_loras(plain, [Lora(source=str(file))])


def test_where_the_file_is(tmp_path: Path) -> None:
    file = tmp_path / "fast.safetensors"
    save_file(FITTING, str(file))
    assert lora_file(Lora(source=str(file))) == file
    assert lora_file(Lora(source=str(tmp_path), weights="fast.safetensors")) == file
    with pytest.raises(ModelError, match=r"slow\.safetensors: no such file"):
        lora_file(Lora(source=str(tmp_path), weights="slow.safetensors"))
    with pytest.raises(
        ModelError, match=r"'data/nowhere/fast\.safetensors': no such file or folder"
    ):
        lora_file(Lora(source="data/nowhere/fast.safetensors"))


@pytest.mark.parametrize("place", ["owner/loras", "data/loras", "fast.safetensors.zip"])
def test_a_repository_or_folder_needs_the_name_of_a_file(place: str, tmp_path: Path) -> None:
    """Else a whole repository of LoRAs would be downloaded."""
    with pytest.raises(
        ValidationError, match=rf"source '{place}' is not a \.safetensors file; set w"
    ):
        Lora(source=place)
    with pytest.raises(ValidationError, match=r"weights 'fast\.pt' is not a \.safetensors file"):
        Lora(source=place, weights="fast.pt")
    assert Lora(source=place, weights="fast.safetensors").scale == 1.0


def test_all_is_said_before_the_run(tmp_path: Path) -> None:
    def spec(**entry: Any) -> ModelSpec:
        path = "tpige_kedro.video_generators.wan_vace.WanVace"
        source = "data/06_models/mini/vace"
        return ModelSpec(type=path, licence="", source=source, options={"loras": [entry]})

    wrong = {
        "a typo": (spec(source="owner/name", weight="a.safetensors"), r"loras\.0\.weight"),
        "no file": (
            spec(source="owner/name"),
            r"loras\.0: source 'owner/name' is not a \.safetensors",
        ),
        "no source": (spec(weights="a.safetensors"), r"loras\.0\.source"),
        "a word for a number": (spec(source="a.safetensors", scale="full"), r"loras\.0\.scale"),
    }
    for kind, (model, message) in wrong.items():
        problems = list(option_problems({"vace": model}))
        assert len(problems) == 1 and re.search(message, problems[0]), (kind, problems)
    absent = spec(source=str(tmp_path), weights="a.safetensors")
    assert list(option_problems({"vace": absent})) == []
    assert re.search(r"options\.loras\[0\]: .*a\.safetensors is not there", missing_files(absent))
    save_file(FITTING, str(tmp_path / "a.safetensors"))
    assert missing_files(absent) == ""
