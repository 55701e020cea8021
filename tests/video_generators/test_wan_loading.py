from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from tiny_wan import OPTIONS, native_weights, picture

from tpige_kedro.errors import ModelError
from tpige_kedro.models import load_model
from tpige_kedro.schemas import Guidance, ModelSpec
from tpige_kedro.video_generators.phantom import Phantom
from tpige_kedro.video_generators.protocol import ClipRequest, GeneratedClip
from tpige_kedro.video_generators.wan_vace import WanVace

REQUEST = ClipRequest("s1", "a man in the rain", (picture(),), 5)
GUIDANCE = Guidance(text_weight=2.0, identity_weight=0.5, skip_layers=(1,))


def frames(generator: WanVace | Phantom) -> np.ndarray:
    ((_, clip),) = generator.generate([REQUEST], GUIDANCE)
    assert isinstance(clip, GeneratedClip), clip
    return clip.frames


@pytest.fixture(scope="module")
def vace(vace_folder: Path) -> WanVace:
    return WanVace(str(vace_folder), **OPTIONS)


@pytest.fixture(scope="module")
def phantom(phantom_folder: Path, vace_folder: Path) -> Phantom:
    return Phantom(str(phantom_folder), base=str(vace_folder), **OPTIONS)


def test_a_model_entry_of_the_config_loads(vace_folder: Path, vace: WanVace) -> None:
    path = "tpige_kedro.video_generators.wan_vace.WanVace"
    spec = ModelSpec(type=path, licence="none", source=str(vace_folder), options=OPTIONS)
    assert np.array_equal(frames(load_model(spec)), frames(vace))


def test_native_vace_weights_in_one_file(vace_folder: Path, vace: WanVace, tmp_path: Path) -> None:
    file = tmp_path / "wan_vace.safetensors"
    save_file(native_weights(vace.transformer), file)
    loaded = WanVace(str(file), base=str(vace_folder), **OPTIONS)
    assert np.array_equal(frames(loaded), frames(vace))


def test_published_phantom_weights_in_one_pth_file(
    vace_folder: Path, phantom: Phantom, tmp_path: Path
) -> None:
    base = tmp_path / "base"
    shutil.copytree(vace_folder, base)
    shutil.rmtree(base / "transformer")
    phantom.transformer.save_config(base / "transformer")
    torch.save(native_weights(phantom.transformer), tmp_path / "Phantom-Wan-1.3B.pth")
    by_file = Phantom(str(tmp_path / "Phantom-Wan-1.3B.pth"), base=str(base), **OPTIONS)
    by_name = Phantom(str(tmp_path), base=str(base), weights="Phantom-Wan-1.3B.pth", **OPTIONS)
    assert np.array_equal(frames(by_file), frames(phantom))
    assert np.array_equal(frames(by_name), frames(phantom))


def test_single_files_keep_the_time_embedding_in_float32(
    vace_folder: Path, vace: WanVace, tmp_path: Path
) -> None:
    file = tmp_path / "wan_vace.safetensors"
    save_file(native_weights(vace.transformer), file)
    loaded = WanVace(str(file), base=str(vace_folder), **OPTIONS, dtype="bfloat16").transformer
    assert loaded.blocks[0].attn1.to_q.weight.dtype == torch.bfloat16
    assert loaded.condition_embedder.time_embedder.linear_1.weight.dtype == torch.float32
    assert loaded.scale_shift_table.dtype == torch.float32


def test_a_folder_with_the_transformer_alone(
    phantom_folder: Path, vace_folder: Path, phantom: Phantom
) -> None:
    loaded = Phantom(str(phantom_folder / "transformer"), base=str(vace_folder), **OPTIONS)
    assert np.array_equal(frames(loaded), frames(phantom))


@pytest.mark.parametrize("part", ["transformer", "vae", "scheduler", "tokenizer"])
def test_a_missing_part_is_named_with_the_folder(
    vace_folder: Path, tmp_path: Path, part: str
) -> None:
    folder = tmp_path / "vace"
    shutil.copytree(vace_folder, folder)
    shutil.rmtree(folder / part)
    with pytest.raises(ModelError, match=part) as caught:
        WanVace(str(folder), **OPTIONS)
    assert str(folder) in str(caught.value) and "docs/models.md" in str(caught.value)


def test_a_pickled_transformer_folder_is_refused(vace_folder: Path, tmp_path: Path) -> None:
    folder = tmp_path / "vace"
    shutil.copytree(vace_folder, folder)
    file = folder / "transformer" / "diffusion_pytorch_model.safetensors"
    torch.save({}, file.with_suffix(".bin"))
    file.unlink()
    with pytest.raises(ModelError, match="transformer"):
        WanVace(str(folder), **OPTIONS)


def test_a_base_that_does_not_exist_is_named(phantom_folder: Path) -> None:
    with pytest.raises(ModelError, match="no/such/folder"):
        Phantom(str(phantom_folder), base="no/such/folder", **OPTIONS)
