"""Each loader and each way to be incomplete: an error that names the file and what to do, never a network with numbers made up."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import torch
from damage import BYTES, SHARDS, TENSORS, is_half_there, join, shard
from diffusers import WanTransformer3DModel
from torch import nn

from tiny_text_models import tiny_clip
from tpige_kedro.errors import ModelError
from tpige_kedro.mini.networks import checkpoint as mini
from tpige_kedro.rehearsal.files import write_files
from tpige_kedro.rehearsal.layouts import clip, flux, qwen, qwen_image, wan
from tpige_kedro.video_generators.wan_loading import Source, load_transformer
from tpige_kedro.weights import diffusers_models, transformers_models
from tpige_kedro.weights.published import Weights, load_weights

Load = Callable[[Path], Any]  # from the folder of one network to the network
SINGLE = Weights("tiny.pth", "https://example.org/tiny", "MIT")


class Small(nn.Module):
    """A network of our own, as the scorers have them."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList([nn.Linear(8, 8), nn.BatchNorm1d(8), nn.Linear(8, 3)])


def of_diffusers(name: str) -> Load:
    import diffusers

    cls = getattr(diffusers, name)
    return lambda folder: diffusers_models.load_network(cls, folder, torch.float32)


def of_transformers(name: str, **options: Any) -> Load:
    import transformers

    cls = getattr(transformers, name)
    return lambda folder: transformers_models.load_network(cls, folder, torch.float32, **options)


def native(folder: Path) -> Any:
    """Phantom as published: a file or shards under the authors' names; the sizes come from the config of a VACE pipeline."""
    (file,) = [f for f in folder.iterdir() if f.suffix == ".pth" or "json" in f.name] or [
        folder / PHANTOM
    ]
    return load_transformer(WanTransformer3DModel, Source(file, folder), torch.float32)


class Broad(nn.Module):
    """Large enough for a download to leave a matrix of it unwritten."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList([nn.Linear(640, 512) for _ in range(4)])


def broad_clip() -> Any:
    from transformers import CLIPTextConfig

    sizes = {"hidden_size": 512, "intermediate_size": 640, "num_hidden_layers": 4}
    return CLIPTextConfig(vocab_size=64, num_attention_heads=8, eos_token_id=1, **sizes)


def broad_vae() -> Any:
    from diffusers import AutoencoderKLWan

    return AutoencoderKLWan(
        base_dim=64, dim_mult=[1, 2], num_res_blocks=1, temperal_downsample=[True]
    )


def save_broad(kind: str, folder: Path) -> tuple[Path, Load]:
    """A network with large matrices, as each way of reading has it: its file, and what loads it."""
    from transformers import CLIPTextModel

    torch.manual_seed(5)
    folder.mkdir()
    if kind == "transformers":
        CLIPTextModel(broad_clip()).save_pretrained(folder)
        return folder / "model.safetensors", of_transformers("CLIPTextModel")
    if kind == "diffusers":
        broad_vae().save_pretrained(folder)
        return folder / diffusers_models.WEIGHTS, of_diffusers("AutoencoderKLWan")
    file = folder / SINGLE.file
    torch.save(Broad().state_dict(), file)
    return file, lambda place: load_weights(Broad(), place, SINGLE)


PHANTOM = "Phantom_Wan_14B.safetensors"
WHERE: dict[str, tuple[str, str, Load]] = {  # model, folder of the network in it, loader
    "vace": ("wan", "transformer", of_diffusers("WanVACETransformer3DModel")),
    "wan_vae": ("wan", "vae", of_diffusers("AutoencoderKLWan")),
    "umt5": ("wan", "text_encoder", of_transformers("UMT5EncoderModel")),
    "qwen_vl": ("qwen_vl", ".", of_transformers("AutoModelForImageTextToText")),
    "flux": ("flux", "transformer", of_diffusers("FluxTransformer2DModel")),
    "flux_vae": ("flux", "vae", of_diffusers("AutoencoderKL")),
    "flux_clip": ("flux", "text_encoder", of_transformers("CLIPTextModel")),
    "flux_t5": ("flux", "text_encoder_2", of_transformers("T5EncoderModel")),
    "qwen_image": ("qwen_image", "transformer", of_diffusers("QwenImageTransformer2DModel")),
    "qwen_image_vae": ("qwen_image", "vae", of_diffusers("AutoencoderKLQwenImage")),
    "qwen_image_text": ("qwen_image", "text_encoder", of_transformers("Qwen2_5_VLForConditionalGeneration")),
    "gme": ("gme", ".", of_transformers("Qwen2VLForConditionalGeneration")),
    "clip": ("clip", ".", of_transformers("CLIPModel", pickled=True)),
    "clip_bin": ("clip_bin", ".", of_transformers("CLIPModel", pickled=True)),
    "phantom": ("phantom", ".", native),
    "phantom_pth": ("phantom_pth", ".", native),
    "mini": ("mini", ".", lambda folder: mini.load_network(Small, folder)),
    "pth": ("pth", ".", lambda folder: load_weights(Small(), folder, SINGLE)),
}  # fmt: skip
# one for each way of reading: all the others of its kind go through the same lines
READERS = ("vace", "umt5", "clip_bin", "phantom", "phantom_pth", "mini", "pth")
SHARDED = [name for name in WHERE if name not in ("clip_bin", "phantom_pth", "mini", "pth")]


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The rehearsal's folders, in tiny, and the two forms that are ours."""
    base, size = tmp_path_factory.mktemp("models"), wan.TINY["14b"]
    layouts = {
        "wan": wan.pipeline_folder(size, vace=True),
        "phantom": wan.phantom_large(size),
        "phantom_pth": wan.phantom_small(size),
        "qwen_vl": qwen.reader(tiny=True),
        "flux": flux.fill(tiny=True),
        "qwen_image": qwen_image.edit(tiny=True),
        "gme": qwen.gme(tiny=True),
        "clip_bin": clip.clip(tiny=True),
    }
    for name, files in layouts.items():
        write_files(base / name, files)
    for name in ("phantom", "phantom_pth"):
        (base / name / "transformer").mkdir()
        shutil.copy(base / "wan/transformer/config.json", base / name / "transformer")
    tiny_clip(base / "clip")
    torch.manual_seed(3)
    mini.save_network(Small(), base / "mini")
    (base / "pth").mkdir()
    torch.save(Small().state_dict(), base / "pth" / SINGLE.file)
    return {folder.name: folder for folder in base.iterdir()}


@pytest.fixture
def published(models: dict[str, Path], tmp_path: Path) -> Callable[[str], Path]:
    """A copy of a network's folder, in shards where it is published so."""

    def copy(name: str) -> Path:
        model, part, _ = WHERE[name]
        return Path(shutil.copytree(models[model] / part, tmp_path / name))

    return copy


@pytest.fixture
def copied(published: Callable[[str], Path]) -> Callable[[str], Path]:
    """The same with all weights in one file."""
    return lambda name: join(published(name))


def weights_file(folder: Path) -> Path:
    (file,) = [f for f in folder.iterdir() if f.suffix in (".safetensors", ".bin", ".pth")]
    return file


def refusal(load: Load, folder: Path) -> str:
    with pytest.raises(ModelError) as caught:
        load(folder)
    message = str(caught.value)
    assert str(folder) in message, message
    assert re.search(
        "download it again|get tiny.pth from|train it again|set models.<name>.source", message
    ), message
    assert "\n" not in message
    return message


@pytest.mark.parametrize("name", list(WHERE))
def test_whole_ones_load(published: Callable[[str], Path], name: str) -> None:
    folder, load = published(name), WHERE[name][2]
    network = load(folder)
    assert not network.training
    assert all(not tensor.is_meta for tensor in network.state_dict().values())
    if name in SHARDED:
        again = load(join(folder)).state_dict()
        assert all(torch.equal(again[key], value) for key, value in network.state_dict().items())


@pytest.mark.parametrize("name", list(WHERE))
def test_tensors_that_do_not_fit_are_refused(copied: Callable[[str], Path], name: str) -> None:
    folder = copied(name)
    file = weights_file(folder)
    whole = file.read_bytes()
    for damage in TENSORS:
        damage(file)
        message = refusal(WHERE[name][2], folder)
        assert "does not hold a complete" in message
        assert file.name in message
        file.unlink()
        file.write_bytes(whole)


@pytest.mark.parametrize(
    ("name", "damage"),
    [(n, d) for n in WHERE for d in (BYTES if n in READERS else [is_half_there])],
    ids=lambda value: getattr(value, "__name__", value),
)
def test_a_damaged_file_is_refused(copied: Callable[[str], Path], name: str, damage: Any) -> None:
    folder = copied(name)
    damage(weights_file(folder))
    refusal(WHERE[name][2], folder)


@pytest.mark.parametrize("damage", SHARDS, ids=lambda d: d.__name__)
@pytest.mark.parametrize("name", [name for name in READERS if name in SHARDED])
def test_damaged_shards_are_refused(copied: Callable[[str], Path], name: str, damage: Any) -> None:
    folder = copied(name)
    damage(shard(weights_file(folder)))
    refusal(WHERE[name][2], folder)


@pytest.mark.parametrize("kind", ["diffusers", "transformers", "pth"])
def test_a_download_that_left_zeros_is_refused(kind: str, tmp_path: Path) -> None:
    """The file has its length and its header, as with tools that set aside room for it; the last part was never written."""
    file, load = save_broad(kind, tmp_path / kind)
    load(file.parent)
    whole = file.read_bytes()
    kept = len(whole) // 3
    end = (
        4096 if kind == "pth" else 0
    )  # several connections: the list at the end of the file is there
    file.unlink()
    file.write_bytes(whole[:kept] + bytes(len(whole) - kept - end) + whole[len(whole) - end :])
    message = refusal(load, file.parent)
    assert re.search(r"tensors? (is|are) all zeros, as a download that broke off leaves", message)
    assert file.name in message


@pytest.mark.parametrize("content", [None, "", '{"_class', "[]", "{}"])
@pytest.mark.parametrize("name", ["vace", "umt5", "qwen_vl", "phantom", "mini"])
def test_a_config_that_is_gone_or_damaged_is_refused(
    copied: Callable[[str], Path], name: str, content: str | None
) -> None:
    folder = copied(name)
    (config,) = [*folder.glob("config.json"), *folder.glob("transformer/config.json")]
    config.unlink() if content is None else config.write_text(content)
    refusal(WHERE[name][2], folder)


def parts(library: str, name: str, folder: Path) -> Any:
    return transformers_models.load_part(getattr(import_module(library), name), folder)


SETTINGS = {  # model, file, loader of the part that reads it
    ("wan", "scheduler/scheduler_config.json"): ("diffusers", "UniPCMultistepScheduler"),
    ("wan", "tokenizer/tokenizer_config.json"): ("transformers", "PreTrainedTokenizerFast"),
    ("clip_bin", "tokenizer_config.json"): ("transformers", "CLIPTokenizer"),
    ("clip_bin", "vocab.json"): ("transformers", "CLIPTokenizer"),
    ("clip_bin", "merges.txt"): ("transformers", "CLIPTokenizer"),
    ("gme", "tokenizer_config.json"): ("transformers", "Qwen2Tokenizer"),
    ("gme", "vocab.json"): ("transformers", "Qwen2Tokenizer"),
    ("gme", "merges.txt"): ("transformers", "Qwen2Tokenizer"),
    ("qwen_vl", "generation_config.json"): ("transformers", "Qwen2Tokenizer"),
}


@pytest.mark.parametrize(("model", "file"), SETTINGS, ids="/".join)
def test_settings_that_are_gone_or_say_nothing_are_refused(
    models: dict[str, Path], tmp_path: Path, model: str, file: str
) -> None:
    """Without them the libraries go on with their own, and the pictures or scores are others."""
    source = (models[model] / file).parent
    folder = tmp_path / model
    shutil.copytree(source, folder, ignore=shutil.ignore_patterns("*.safetensors", "*.bin"))
    library, name = SETTINGS[model, file]
    parts(library, name, folder)
    damaged = folder / Path(file).name
    contents = ["", "{", "{}", "[]"] if damaged.suffix == ".json" else [""]
    for content in contents:
        damaged.write_text(content)
        with pytest.raises(ModelError, match="download it again") as caught:
            parts(library, name, folder)
        assert str(folder) in str(caught.value)
    damaged.unlink()
    if damaged.name != "generation_config.json":  # not all models have one
        with pytest.raises(ModelError, match="download it again"):
            parts(library, name, folder)
