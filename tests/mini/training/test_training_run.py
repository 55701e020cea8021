"""``kedro run --pipelines=train_mini`` in its smallest form, on the CPU: once, again, and elsewhere with the same seed."""

from __future__ import annotations

import json
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from mlflow_store import Store
from project import ROOT, Project
from tpige_kedro.mini.nodes import JUDGING, TrainMini, collect_log
from tpige_kedro.mini.training import __main__ as command
from tpige_kedro.mini.training.batches import Batches
from tpige_kedro.mini.training.latents import Latents
from tpige_kedro.mini.training.lora import FILE
from tpige_kedro.mini.training.recipe import make_recipe
from tpige_kedro.mini.training.stages import STAGES
from tpige_kedro.mini.training.text import build_tokenizer, tokenize

SEED = 3


@dataclass
class Training:
    """A finished run: the project, where it trained and published, what came out, and what MLflow was told."""

    project: Project
    store: Store
    work: Path
    published: Path
    outputs: dict[str, Any]

    def weights(self) -> dict[str, int]:
        """All checkpoints and latents of the work folder with their times."""
        files = [f for kind in ("*.safetensors", "*.pt", "*.jsonl") for f in self.work.rglob(kind)]
        return {str(f.relative_to(self.work)): f.stat().st_mtime_ns for f in files}


@pytest.fixture(scope="module")
def training(
    tmp_path_factory: pytest.TempPathFactory, empty_store: Path, trained: Path
) -> Training:
    """All but one of the judging networks are there from an earlier run, as far as this one can tell."""
    folder = tmp_path_factory.mktemp("train_mini")
    project, store = Project(folder), Store(folder / "mlflow.db")
    shutil.copytree(ROOT / "conf", project.conf)
    work, published = folder / "work", folder / "published"
    options = {"work": str(work), "publish_to": str(published), "seed": SEED, "tiny": True}
    for name in set(JUDGING) - {"interpolation"}:
        shutil.copytree(trained / name, work / name)
    project.configure(train_mini={**options, "device": "cpu", "commit": "abc1234"})
    (project.conf / project.env / "mlflow.yml").write_text("experiment: tests\n")
    shutil.copy(empty_store, store.file)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{store.file}")
        outputs = project.run("train_mini")
    return Training(project, store, work, published, outputs)


@pytest.fixture(scope="module")
def latents(training: Training) -> Latents:
    return Latents.load(training.work / "latents.pt", torch.device("cpu"))


def test_every_stage_ran_and_everything_is_published_with_a_card(training: Training) -> None:
    models = ("vace", "phantom", "vace_fast", *JUDGING)
    assert {f.name for f in training.published.iterdir()} == {*models, "training.jsonl"}
    for name in models:
        card = (training.published / name / "README.md").read_text()
        made_here = name in ("vace", "phantom", "vace_fast", "interpolation")
        assert (f"Seed {SEED}; code commit abc1234" in card) == made_here
        assert "| measure | value |" in card
        assert list((training.published / name).rglob("*.safetensors"))
    assert "trained on a CPU" in (training.published / "vace" / "README.md").read_text()
    events = [json.loads(line) for line in (training.work / "training.jsonl").open()]
    assert {*STAGES, "interpolation"} <= {event["stage"] for event in events}


def test_stock_diffusers_runs_what_was_trained(training: Training) -> None:
    from diffusers import WanVACEPipeline

    pipeline = WanVACEPipeline.from_pretrained(
        training.work / "vace", torch_dtype=torch.float32, local_files_only=True
    )
    assert pipeline.scheduler.config.flow_shift == 2.0
    pipeline.set_progress_bar_config(disable=True)
    clip = pipeline(
        prompt="A video of a chef nodding.",
        reference_images=[Image.new("RGB", (80, 80), "tan")],
        height=80,
        width=80,
        num_frames=5,
        num_inference_steps=2,
        guidance_scale=2.0,
        max_sequence_length=64,
        generator=torch.Generator().manual_seed(0),
    ).frames
    assert clip.shape == (1, 5, 80, 80, 3) and np.isfinite(clip).all() and clip.std() > 0


def test_mlflow_has_the_curves_of_the_training(training: Training) -> None:
    (parent,) = training.store.parents()
    table = pd.read_parquet(training.project.data / "06_models" / "mini_training_log.parquet")
    names = {f"{row.stage}.{row.metric}" for row in table.itertuples()}
    assert {"vae.psnr", "decoder.loss", "vace.loss", "phantom.loss", "distilled.error_4"} | {
        "decoder.face_psnr",
        "decoder.face_psnr_before",
        "interpolation.difference",
    } <= names
    assert {name for name in parent.data.metrics if name.split(".")[0] in set(table["stage"])} == (
        names
    )
    curve = training.store.client.get_metric_history(parent.info.run_id, "vae.loss")
    logged = table[(table["stage"] == "vae") & (table["metric"] == "loss")]
    assert [(m.step, m.value) for m in curve] == list(
        zip(logged["step"], logged["value"], strict=True)
    )
    assert len(curve) == 2 and curve[0].timestamp < curve[1].timestamp
    assert parent.info.status == "FINISHED" and training.store.children(parent) == {}


def test_a_second_run_trains_nothing_and_says_so(
    training: Training, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{training.store.file}")
    before = training.weights()
    assert {"vace/vae/diffusion_pytorch_model.safetensors", "latents.pt", "training.jsonl"} <= set(
        before
    )
    cards = [(training.published / name / "README.md").read_text() for name in ("vace", "face")]
    training.project.run("train_mini")
    assert training.weights() == before
    assert cards == [
        (training.published / name / "README.md").read_text() for name in ("vace", "face")
    ]
    assert not list(training.published.glob("*.partial"))


def test_the_command_with_the_same_seed_gives_the_same_weights(
    training: Training, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = f"--work {tmp_path} --seed {SEED} --tiny --device cpu"
    monkeypatch.setattr(sys, "argv", ["training", *options.split()])
    command.main()
    found = sorted(f.relative_to(tmp_path) for f in tmp_path.rglob("*.safetensors"))
    assert [f.parts[:2] for f in found] == [
        ("phantom", "transformer"), ("vace", "text_encoder"), ("vace", "transformer"), ("vace", "vae"),
        ("vace_fast", FILE),
    ]  # fmt: skip
    for file in found:
        assert (tmp_path / file).read_bytes() == (training.work / file).read_bytes(), file
    one, other = (
        Latents.load(w / "latents.pt", torch.device("cpu")) for w in (tmp_path, training.work)
    )
    assert all(torch.equal(value, vars(other)[name]) for name, value in vars(one).items())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            "--stages vae,vcae",
            "--stages: ['vcae'] are unknown; there are ['vae', 'decoder', 'vace', 'phantom', 'distilled']",
        ),
        ("--set steps=3", "--set steps=3: the recipe has no number 'steps'"),
    ],
)
def test_the_command_names_a_wrong_option(
    options: str,
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    arguments = f"--work {tmp_path} --tiny --device cpu {options}"
    monkeypatch.setattr(sys, "argv", ["training", *arguments.split()])
    with pytest.raises(SystemExit):
        command.main()
    assert message in capsys.readouterr().err and not list(tmp_path.iterdir())


def test_batches_are_laid_out_as_the_transformer_expects(latents: Latents) -> None:
    recipe = make_recipe(SEED, tiny=True)
    null_text = tokenize(build_tokenizer(), [""])
    batches, frames = Batches(latents, recipe, null_text), latents.clips.shape[2]
    torch.manual_seed(0)
    for kind, slots, count in (("clip", 1, frames), ("free", 0, frames), ("still", 1, 1)):
        batch = batches.draw(kind)
        n = recipe.flow_batch
        assert batch.clean.shape == (n, 16, slots + count, 10, 10)
        assert batch.control.shape == (n, 96, slots + count, 10, 10)
        assert batch.weight.shape == (n, slots + count, 10, 10) and batch.tokens.shape == (n, 64)
        assert (batch.control[:, 32:, slots:] == 1).all() and (
            batch.control[:, 16:, :slots] == 0
        ).all()
        assert batch.weight[:, slots:].min() >= 1 and batch.weight.max() <= 3
        assert (batch.weight[:, :slots] == 0.5).all()
    assert {batches.draw("free").hints for _ in range(20)} == {0.0, 1.0}


def test_a_training_set_without_a_kind_says_so(latents: Latents) -> None:
    bare = Latents(**{**vars(latents), "kind": torch.ones_like(latents.kind)})
    batches = Batches(bare, make_recipe(SEED, tiny=True), tokenize(build_tokenizer(), [""]))
    with pytest.raises(ValueError, match="nothing for batches of the kind 'free'; raise clips"):
        batches.draw("free")


def test_the_log_as_a_table(tmp_path: Path) -> None:
    lines = [
        {"stage": "vae", "seconds": 1.5, "event": "rendered", "clips": 6, "example": "A video."},
        {"stage": "vae", "seconds": 2.5, "step": 200, "kind": "cut", "loss": 0.25},
        {"stage": "vae", "seconds": 2.0, "step": 0, "kind": "single", "loss": 0.5},
    ]
    (tmp_path / "training.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    table = collect_log(TrainMini(work=str(tmp_path)))
    assert table[["stage", "metric", "step", "value", "seconds"]].to_numpy().tolist() == [
        ["vae", "clips", 0, 6.0, 1.5],
        ["vae", "loss", 0, 0.5, 2.0],
        ["vae", "loss", 200, 0.25, 2.5],
    ]
