"""The checkpoints that ship: in size, in form, and in what stock diffusers makes of them."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors import safe_open

from mlflow_store import Store
from project import ROOT
from tpige_kedro.hooks.mlflow.results import MAX_METRICS, log_training
from tpige_kedro.hooks.mlflow.runs import RunLog
from tpige_kedro.mini.nodes import JUDGING, TrainMini, collect_log
from tpige_kedro.mini.training.batches import control_of
from tpige_kedro.mini.training.codec import LatentCodec
from tpige_kedro.mini.training.phantom import build_phantom
from tpige_kedro.mini.training.vace import VACE_LAYERS, build_scheduler, build_vace
from tpige_kedro.mini.training.vae import build_vae
from tpige_kedro.mini.world.clips import sample_clips
from tpige_kedro.mini.world.people import select

MODELS = ROOT / "data" / "06_models" / "mini"
Shipped = Callable[[str], str]


@pytest.fixture(scope="module")
def pipeline(shipped: Shipped):
    from diffusers import WanVACEPipeline

    loaded = WanVACEPipeline.from_pretrained(
        shipped("vace"), torch_dtype=torch.float32, local_files_only=True
    )
    loaded.set_progress_bar_config(disable=True)
    return loaded


@pytest.fixture(scope="module")
def codec(shipped: Shipped) -> LatentCodec:
    return LatentCodec(Path(shipped("vace")) / "vae", "cpu")


@pytest.fixture(scope="module")
def video(world, people) -> torch.Tensor:
    """One rendered clip of five frames: (1, 3, 5, 80, 80) in [-1, 1]."""
    one = torch.ones(1, dtype=torch.long)
    person = select(people, torch.tensor([0]))
    clip, _ = sample_clips(
        world,
        person,
        5,
        3 * one,
        1 * one,
        0 * one,
        one.float(),
        generator=torch.Generator().manual_seed(2),
    )
    return clip


def parameters(folder: Path) -> int:
    """How many numbers the checkpoints of a folder hold."""
    total = 0
    for file in folder.rglob("*.safetensors"):
        with safe_open(file, "pt") as tensors:
            total += sum(tensors.get_tensor(name).numel() for name in tensors.keys())  # noqa: SIM118
    return total


def test_they_are_small_enough_to_travel(shipped: Shipped) -> None:
    shipped("vace")
    assert sum(f.stat().st_size for f in MODELS.rglob("*") if f.is_file()) <= 46e6
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if listed.returncode != 0:
        pytest.skip("no git checkout")
    tracked = [ROOT / name for name in listed.stdout.split("\0") if name]
    assert sum(f.stat().st_size for f in tracked if f.is_file()) < 58 * 2**20


@pytest.mark.parametrize("name", ["vace", "vace_fast", "phantom", *JUDGING])
def test_each_has_a_card_and_half_precision_weights(shipped: Shipped, name: str) -> None:
    folder = Path(shipped(name))
    card = (folder / "README.md").read_text()
    assert card.startswith("---\nlicense: apache-2.0\n---\n# ")
    assert re.search(r"Seed \d+; code commit [0-9a-f]{7}", card), "which code made it"
    assert re.search(r"\| [^|]+ \| -?[\d.]+", card), "at least one measured number"
    assert "No picture of a real person was used." in card
    for file in folder.rglob("*.safetensors"):
        with safe_open(file, "pt") as tensors:
            kinds = {tensors.get_slice(key).get_dtype() for key in tensors.keys()}  # noqa: SIM118
        assert "F16" in kinds and kinds <= {"F16", "I64"}, file


def test_the_cards_tell_the_true_sizes(shipped: Shipped) -> None:
    vace, phantom = Path(shipped("vace")), Path(shipped("phantom"))
    card = (vace / "README.md").read_text()
    for part in ("vae", "text_encoder", "transformer"):
        assert f"({parameters(vace / part) / 1e6:.1f} M" in card, part
    assert f"({parameters(phantom) / 1e6:.1f} M" in (phantom / "README.md").read_text()


def test_they_are_the_networks_of_the_code(shipped: Shipped, pipeline) -> None:
    from diffusers import WanTransformer3DModel

    phantom = WanTransformer3DModel.from_pretrained(Path(shipped("phantom")) / "transformer")
    pairs = (
        (pipeline.transformer, build_vace()),
        (phantom, build_phantom()),
        (pipeline.vae, build_vae()),
    )
    for theirs, ours in pairs:
        shapes = [{k: v.shape for k, v in m.state_dict().items()} for m in (theirs, ours)]
        assert shapes[0] == shapes[1]
    assert pipeline.transformer.config.vace_layers == VACE_LAYERS
    kept = ("flow_shift", "prediction_type", "use_flow_sigmas")
    assert {k: pipeline.scheduler.config[k] for k in kept} == {
        k: build_scheduler().config[k] for k in kept
    }


def test_stock_diffusers_makes_a_clip(pipeline, portraits) -> None:
    clip = pipeline(
        prompt="A video of a chef nodding gently in a kitchen.",
        reference_images=[portraits[0]],
        height=80,
        width=80,
        num_frames=5,
        num_inference_steps=2,
        guidance_scale=2.0,
        max_sequence_length=64,
        generator=torch.Generator().manual_seed(0),
    ).frames
    assert clip.shape == (1, 5, 80, 80, 3) and np.isfinite(clip).all()
    assert clip.std() > 0.1, "a picture, not a plain colour"


def test_the_autoencoder_knows_the_world(codec: LatentCodec, video: torch.Tensor) -> None:
    latents = codec.encode(video)
    assert latents.shape == (1, 16, 2, 10, 10)
    assert latents.mean().abs() < 0.3 and 0.6 < latents.std() < 1.5, "normalised"
    error = (codec.decode(latents) - video) / 2
    assert -10 * torch.log10((error**2).mean()) > 26, "decibels of PSNR"


def test_the_codec_is_what_the_pipeline_does(
    codec: LatentCodec, pipeline, video: torch.Tensor
) -> None:
    vae = pipeline.vae
    mean, std = (
        torch.tensor(numbers).view(1, 16, 1, 1, 1)
        for numbers in (vae.config.latents_mean, vae.config.latents_std)
    )
    with torch.no_grad():
        theirs = (vae.encode(video).latent_dist.mode() - mean) / std
        pixels = vae.decode(theirs * std + mean).sample
    torch.testing.assert_close(codec.encode(video), theirs)
    torch.testing.assert_close(codec.decode(theirs), pixels)


@pytest.mark.parametrize("with_reference", [True, False])
def test_the_control_of_the_training_is_the_one_of_the_pipeline(
    pipeline, codec: LatentCodec, portraits, with_reference: bool
) -> None:
    portrait = portraits[0] if with_reference else None
    video, mask, references = pipeline.preprocess_conditions(
        None,
        None,
        [portrait] if portrait else None,
        1,
        80,
        80,
        5,
        torch.float32,
        torch.device("cpu"),
    )
    with torch.no_grad():
        latents = pipeline.prepare_video_latents(video, mask, references, None, torch.device("cpu"))
        theirs = torch.cat([latents, pipeline.prepare_masks(mask, references)], 1)
    gray = codec.encode(torch.zeros(1, 3, 5, 80, 80))
    pixels = torch.from_numpy(np.array(portraits[0])).permute(2, 0, 1)[None, :, None] / 127.5 - 1
    ours = control_of(gray, codec.encode(pixels) if with_reference else None, 1)
    assert ours.shape == (1, 96, 2 + with_reference, 10, 10)
    torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-4)


def test_mlflow_takes_the_whole_log_of_the_training(
    shipped: Shipped, tmp_path: Path, empty_store: Path
) -> None:
    """The log that ships, with all its names, into a real store, in more than one request."""
    shipped("vace")
    table = collect_log(TrainMini(work=str(MODELS)))
    assert {"vae", "vace", "phantom", *JUDGING} <= set(table["stage"])
    longer = pd.concat([table, table.assign(step=table["step"] + 10**6)])  # than one request takes
    assert len(longer) > MAX_METRICS
    file = tmp_path / "mlflow.db"
    file.write_bytes(empty_store.read_bytes())
    store = Store(file)
    log = RunLog(store.client, store.client.create_experiment("tests"), ["train_mini"], {})
    log.parent = store.client.create_run(log.experiment).info.run_id
    log_training(log, longer)
    names = set(table["stage"] + "." + table["metric"])
    assert set(store.client.get_run(log.parent).data.metrics) == names
    curve = sorted(
        store.client.get_metric_history(log.parent, "vace.loss"), key=lambda point: point.step
    )
    told = longer[(longer["stage"] == "vace") & (longer["metric"] == "loss")]
    assert [(m.step, m.value) for m in curve] == list(zip(told["step"], told["value"], strict=True))
    seconds = np.array([m.timestamp - curve[0].timestamp for m in curve]) / 1000
    assert seconds == pytest.approx(told["seconds"] - told["seconds"].iloc[0], abs=0.01)
