from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import torch
from omegaconf import OmegaConf
from safetensors.torch import save_file
from torch import nn

from published import PUBLISHED, published_shapes, write_checkpoint
from tpige_kedro.errors import ModelError
from tpige_kedro.weights import published
from tpige_kedro.weights.checkpoints import read_state_dict
from tpige_kedro.weights.published import (
    Weights,
    find_weights,
    load_weights,
    require_files,
)

TINY = Weights("tiny.pth", "https://example.org/tiny", "CC BY 4.0")


def tiny() -> nn.Linear:
    return nn.Linear(2, 3)


def state() -> dict[str, torch.Tensor]:
    return {"weight": torch.arange(6.0).view(3, 2), "bias": torch.ones(3)}


@pytest.mark.parametrize("name", list(PUBLISHED))
def test_the_published_layouts_load_strictly(name: str, tmp_path: Path) -> None:
    build, weights, _ = PUBLISHED[name]
    written = read_state_dict(write_checkpoint(name, tmp_path))
    assert {key: tuple(value.shape) for key, value in written.items()} == published_shapes(name)
    network = load_weights(build(), tmp_path, weights)
    assert not network.training
    loaded = network.state_dict()
    assert set(loaded) == set(written)
    for key in list(written)[::50]:
        assert torch.equal(loaded[key], written[key])


@pytest.mark.parametrize("name", ["amt_s", "musiq"])
def test_one_key_too_many_or_too_few_is_refused(name: str, tmp_path: Path) -> None:
    build, weights, _ = PUBLISHED[name]
    whole = read_state_dict(write_checkpoint(name, tmp_path / "whole"))  # mapped, not read
    file = tmp_path / weights.file
    torch.save({**whole, "extra.weight": torch.ones(1)}, file)
    with pytest.raises(
        ModelError, match=r"(AmtS|Musiq): 1 tensor is not part of it \(extra.weight\)"
    ):
        load_weights(build(), tmp_path, weights)
    gone = next(iter(whole))
    torch.save({k: v for k, v in whole.items() if k != gone}, file)
    with pytest.raises(ModelError, match=rf"1 tensor is missing \({gone}\)") as raised:
        load_weights(build(), tmp_path, weights)
    assert weights.published in str(raised.value)


def test_batch_counters_may_be_absent_as_in_old_files(tmp_path: Path) -> None:
    build, weights, _ = PUBLISHED["ir101"]
    whole = read_state_dict(write_checkpoint("ir101", tmp_path / "whole"))
    old = {k: v for k, v in whole.items() if "num_batches" not in k}
    torch.save(old, tmp_path / weights.file)
    load_weights(build(), tmp_path, weights)


@pytest.mark.parametrize("kind", ["file", "folder", "safetensors", "old", "nested"])
def test_the_forms_of_a_checkpoint(kind: str, tmp_path: Path) -> None:
    file = tmp_path / "tiny.pth"
    source = tmp_path if kind == "folder" else file
    if kind == "safetensors":
        source = tmp_path / "other.safetensors"
        save_file(state(), source)
    elif kind == "old":
        torch.save(state(), file, _use_new_zipfile_serialization=False)
    else:
        torch.save({"state_dict": state()} if kind == "nested" else state(), file)
    network = load_weights(tiny(), source, TINY)
    assert torch.equal(network.weight, state()["weight"])


def test_settings_of_the_training_beside_the_tensors_do_no_harm(tmp_path: Path) -> None:
    file = tmp_path / "tiny.pth"
    settings = OmegaConf.create({"lr": [1e-4, 2e-4], "name": {"of": "the run"}})
    torch.save({"state_dict": state(), "config": settings, "psnr": np.float64(35.5)}, file)
    assert torch.equal(read_state_dict(file)["weight"], state()["weight"])


class Call:
    """Would make a folder while being read."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (str(self.folder),)


def test_nothing_in_a_checkpoint_is_run(tmp_path: Path) -> None:
    made = tmp_path / "made"
    torch.save({"state_dict": state(), "trap": Call(made)}, tmp_path / "tiny.pth")
    with pytest.raises(ModelError, match=r"tiny.pth cannot be read as plain tensors"):
        read_state_dict(tmp_path / "tiny.pth")
    assert not made.exists()


def test_damaged_and_foreign_files(tmp_path: Path) -> None:
    file = tmp_path / "tiny.pth"
    file.write_bytes(b"<html>not found</html>")
    with pytest.raises(ModelError, match="cannot be read as plain tensors"):
        load_weights(tiny(), tmp_path, TINY)
    torch.save([1, 2, 3], file)
    with pytest.raises(ModelError, match="no state dict"):
        load_weights(tiny(), tmp_path, TINY)


def test_what_is_missing_says_where_it_is_published(tmp_path: Path) -> None:
    advice = r"get tiny.pth from https://example.org/tiny \(CC BY 4.0\) and put it into"
    with pytest.raises(ModelError, match=advice):
        find_weights(tmp_path, TINY)
    with pytest.raises(ModelError, match=advice):
        require_files(tmp_path / "nowhere", (TINY,))


def test_a_hub_id_that_cannot_be_had_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    def offline(*_: object, **__: object) -> Path:
        raise ModelError("model source 'owner/tiny' cannot be reached")

    monkeypatch.setattr(published, "fetched", offline)
    advice = "'owner/tiny' cannot be reached; get tiny.pth from .* put it into a folder of yours"
    with pytest.raises(ModelError, match=advice):
        find_weights("owner/tiny", TINY)


def test_one_file_of_a_hub_id_is_fetched_at_its_revision(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[object] = []

    def download(place: str, revision: str | None, files: list[str]) -> Path:
        asked.extend([place, revision, files])
        return tmp_path

    monkeypatch.setattr(published, "fetched", download)
    torch.save(state(), tmp_path / "tiny.pth")
    load_weights(tiny(), "owner/tiny", TINY, "abc")
    assert asked == ["owner/tiny", "abc", ["tiny.pth"]]
