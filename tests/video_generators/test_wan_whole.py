"""Native weights in every published form, weights of the wrong model, and Wan's other parts: right, or refused."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import AutoencoderKLWan, WanTransformer3DModel, WanVACETransformer3DModel
from safetensors.torch import load_file, save_file
from tiny_wan import OPTIONS, native_weights, picture, transformer
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors
from transformers import AutoTokenizer

from tpige_kedro.errors import ModelError
from tpige_kedro.schemas import Guidance
from tpige_kedro.video_generators.phantom import Phantom
from tpige_kedro.video_generators.protocol import ClipRequest
from tpige_kedro.video_generators.wan_loading import (
    Source,
    load_text_encoder,
    load_tokenizer,
    load_transformer,
    load_vae,
)
from tpige_kedro.video_generators.wan_vace import WanVace

State = dict[str, torch.Tensor]
STEM = "Phantom_Wan_14B"
INDEX = f"{STEM}.safetensors.index.json"


@pytest.fixture(scope="module")
def plain() -> Any:
    torch.manual_seed(4)
    return transformer(WanTransformer3DModel)


def same(one: Any, other: Any) -> bool:
    first, second = one.state_dict(), other.state_dict()
    return list(first) == list(second) and all(
        torch.equal(first[name], second[name]) and first[name].dtype == second[name].dtype
        for name in first
    )


def loaded(cls: Any, file: Path, base: Path, dtype: torch.dtype = torch.float32) -> Any:
    return load_transformer(cls, Source(file, base), dtype)


def save_shards(weights: State, folder: Path, count: int = 6) -> Path:
    """Shards and index under the published names."""
    folder.mkdir(exist_ok=True)
    names, places = list(weights), {}
    for i in range(count):
        shard = f"{STEM}-{i + 1:05}-of-{count:05}.safetensors"
        save_file({name: weights[name] for name in names[i::count]}, folder / shard)
        places |= dict.fromkeys(names[i::count], shard)
    (folder / INDEX).write_text(json.dumps({"metadata": {}, "weight_map": places}))
    return folder


FORMS: dict[str, Callable[[State], Any]] = {
    "flat": lambda state: state,
    "state_dict": lambda state: {"state_dict": state, "epoch": 3},
    "model": lambda state: {"model": state, "optimizer": {"lr": 1e-4}},
    "wrapped": lambda state: {f"module.{name}": value for name, value in state.items()},
    "comfy": lambda state: {f"model.diffusion_model.{name}": v for name, v in state.items()},
}
HALVES: dict[str, Callable[[State], Any]] = {
    "two dicts": lambda state: {"state_dict": state, "model": state},
    "two networks": lambda state: {"generator": state, "ema": state},
    "half wrapped": lambda state: {("module." if "ffn" in n else "") + n: state[n] for n in state},
    "another prefix": lambda state: {f"teacher.{name}": value for name, value in state.items()},
    "a list": lambda state: list(state.values()),
    "nothing": lambda state: {},
}  # fmt: skip


@pytest.mark.parametrize("form", list(FORMS))
def test_nested_and_wrapped_checkpoints_load_right(
    plain: Any, vace_folder: Path, tmp_path: Path, form: str
) -> None:
    torch.save(FORMS[form](native_weights(plain)), tmp_path / "wan.pth")
    assert same(loaded(WanTransformer3DModel, tmp_path / "wan.pth", vace_folder), plain)


@pytest.mark.parametrize("form", list(HALVES))
def test_what_no_rule_explains_is_refused(
    plain: Any, vace_folder: Path, tmp_path: Path, form: str
) -> None:
    torch.save(HALVES[form](native_weights(plain)), tmp_path / "wan.pth")
    with pytest.raises(ModelError, match=r"wan\.pth"):
        loaded(WanTransformer3DModel, tmp_path / "wan.pth", vace_folder)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_shards_and_their_index_are_the_single_file(
    plain: Any, vace_folder: Path, tmp_path: Path, dtype: torch.dtype
) -> None:
    weights = native_weights(plain)
    save_file(weights, tmp_path / f"{STEM}.safetensors")
    single = loaded(WanTransformer3DModel, tmp_path / f"{STEM}.safetensors", vace_folder, dtype)
    folder = save_shards(weights, tmp_path / "phantom_14b")
    for place, name in ((folder, None), (folder, INDEX), (folder / INDEX, None)):
        source = Source(place, vace_folder, name)
        assert same(load_transformer(WanTransformer3DModel, source, dtype), single)


def test_a_folder_of_shards_makes_clips(plain: Any, vace_folder: Path, tmp_path: Path) -> None:
    folder = save_shards(native_weights(plain), tmp_path / "phantom_14b")
    generator = Phantom(str(folder), base=str(vace_folder), **OPTIONS)
    assert same(generator.transformer, plain)


@pytest.mark.parametrize("cls", [WanVACETransformer3DModel, WanTransformer3DModel])
def test_what_is_loaded_is_what_diffusers_loads(
    cls: Any, vace_folder: Path, phantom_folder: Path
) -> None:
    folder = vace_folder if cls is WanVACETransformer3DModel else phantom_folder
    for dtype in (torch.float32, torch.bfloat16):
        ours = load_transformer(cls, Source(folder, folder), dtype)
        theirs = cls.from_pretrained(folder, subfolder="transformer", torch_dtype=dtype)
        assert same(ours, theirs) and not ours.training
        buffers = dict(theirs.named_buffers())
        assert buffers and all(torch.equal(b, buffers[n]) for n, b in ours.named_buffers())
    vae = AutoencoderKLWan.from_pretrained(vace_folder, subfolder="vae", torch_dtype=torch.float32)
    assert same(load_vae(Source(vace_folder, vace_folder)), vae)


# --- weights of the wrong model


def test_a_vace_folder_is_no_phantom_and_a_plain_wan_no_vace(
    vace_folder: Path, phantom_folder: Path
) -> None:
    with pytest.raises(
        ModelError, match=r"holds a WanVACETransformer3DModel, not a WanTransf.*set models"
    ):
        Phantom(str(vace_folder), base=str(vace_folder), **OPTIONS)
    with pytest.raises(
        ModelError, match=r"holds a WanTransformer3DModel, not a WanVACE.*set models"
    ):
        WanVace(str(phantom_folder), base=str(vace_folder), **OPTIONS)


def test_native_files_of_the_wrong_model_are_refused_alike(
    vace_folder: Path, phantom_folder: Path, tmp_path: Path
) -> None:
    vace, plain = tmp_path / "vace.safetensors", tmp_path / "plain.safetensors"
    save_file(native_weights(transformer()), vace)
    save_file(native_weights(transformer(WanTransformer3DModel)), plain)
    with pytest.raises(ModelError, match=r"vace\.safetensors holds a WanVACE"):
        loaded(WanTransformer3DModel, vace, vace_folder)
    with pytest.raises(ModelError, match=r"plain\.safetensors holds a WanTransformer3DModel"):
        loaded(WanVACETransformer3DModel, plain, vace_folder)
    with pytest.raises(ModelError, match=r"has no vace_layers.*options\.base"):
        loaded(WanVACETransformer3DModel, vace, phantom_folder)
    with pytest.raises(
        ModelError, match=r"plain.safetensors.*only a transformer; set options\.base"
    ):
        WanVace(str(plain), **OPTIONS)


def test_sizes_of_another_model_are_refused(plain: Any, vace_folder: Path, tmp_path: Path) -> None:
    config = json.loads((vace_folder / "transformer" / "config.json").read_text())
    for change in ({"num_layers": 5}, {"num_layers": 3}, {"ffn_dim": 64}):
        (tmp_path / "transformer").mkdir(exist_ok=True)
        (tmp_path / "transformer" / "config.json").write_text(json.dumps(config | change))
        torch.save(native_weights(plain), tmp_path / "wan.pth")
        with pytest.raises(
            ModelError, match=r"wan.pth does not hold a complete WanTransformer3DModel"
        ):
            loaded(WanTransformer3DModel, tmp_path / "wan.pth", tmp_path)


# --- the text side


@pytest.mark.parametrize("kept", ["shared", "encoder.embed_tokens", "both"])
def test_the_embedding_of_umt5_may_lie_under_either_name(
    vace_folder: Path, tmp_path: Path, kept: str
) -> None:
    whole = load_text_encoder(Source(vace_folder, vace_folder), torch.float32)
    shutil.copytree(vace_folder / "text_encoder", tmp_path / "text_encoder")
    file = tmp_path / "text_encoder" / "model.safetensors"
    weights = {n: t.clone() for n, t in load_file(file).items()}
    embedding = weights.pop("shared.weight", None)
    embedding = weights.pop("encoder.embed_tokens.weight", embedding)
    names = ["shared", "encoder.embed_tokens"] if kept == "both" else [kept]
    file.unlink()
    save_file({**weights, **{f"{n}.weight": embedding.clone() for n in names}}, file, {"format": "pt"})  # fmt: skip
    assert same(load_text_encoder(Source(tmp_path, tmp_path), torch.float32), whole)
    file.unlink()
    save_file(weights, file, {"format": "pt"})
    with pytest.raises(ModelError, match=r"model.safetensors.*missing.*(shared|embed_tokens)"):
        load_text_encoder(Source(tmp_path, tmp_path), torch.float32)


def test_no_clip_is_made_with_half_a_text_encoder(vace_folder: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(vace_folder, tmp_path / "vace"))
    file = folder / "text_encoder" / "model.safetensors"
    weights = {n: t.clone() for n, t in load_file(file).items() if "wi_0" not in n}
    file.unlink()
    save_file(weights, file, {"format": "pt"})
    request = ClipRequest("s1", "a man in the rain", (picture(),), 5)
    with pytest.raises(ModelError, match=r"model.safetensors does not hold a complete UMT5.*wi_0"):
        list(WanVace(str(folder), **OPTIONS).generate([request], Guidance(text_weight=2.0)))


def test_unknown_characters_are_what_the_published_tokenizer_says(tmp_path: Path) -> None:
    """UMT5 has ``<s>`` at 2 and ``<unk>`` at 3; transformers' class for it assumes 2."""
    special = ["<pad>", "</s>", "<s>", "<unk>"]
    pieces = [*((s, 0.0) for s in special), ("▁", -2.0), *((c, -3.0) for c in "abcdeghiknmrst,.")]
    core = Tokenizer(models.Unigram([*pieces, ("▁a", -1.0), ("▁the", -1.5)], unk_id=3))
    core.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace()]
    )
    core.decoder = decoders.Metaspace()
    core.post_processor = processors.TemplateProcessing(
        single="$A </s>", special_tokens=[("</s>", 1)]
    )
    folder = tmp_path / "tokenizer"
    folder.mkdir()
    core.save(str(folder / "tokenizer.json"))
    marks = {"pad_token": "<pad>", "eos_token": "</s>", "unk_token": "<unk>", "extra_ids": 0}
    (folder / "tokenizer_config.json").write_text(
        json.dumps({"tokenizer_class": "T5Tokenizer", "model_max_length": 512, **marks})
    )
    ours, theirs = load_tokenizer(Source(tmp_path, tmp_path)), AutoTokenizer.from_pretrained(folder)
    for text in ("the man, a  king.", "a hat in the rain", ""):
        for padded in ({}, {"padding": "max_length", "max_length": 12, "truncation": True}):
            assert ours(text, **padded).input_ids == theirs(text, **padded).input_ids
    assert 3 in ours("a ☃ man").input_ids and 2 not in ours("a ☃ man").input_ids
    assert ours("a ☃ man").input_ids == core.encode("a ☃ man").ids
    (folder / "tokenizer.json").write_text('{"version": "1.0", "model": {')
    with pytest.raises(ModelError, match=r"tokenizer.*download it again"):
        load_tokenizer(Source(tmp_path, tmp_path))
