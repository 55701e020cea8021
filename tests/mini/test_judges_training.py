from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from tpige_kedro.mini.judges_training.context import Context, run_stage
from tpige_kedro.mini.judges_training.reader import labels
from tpige_kedro.mini.judges_training.rendering import Renderer
from tpige_kedro.mini.judges_training.scale import TINY
from tpige_kedro.mini.judges_training.train import STAGES, train_judges
from tpige_kedro.mini.networks.attribute_reader import NOT_SEEN
from tpige_kedro.mini.world import vocabulary as words
from tpige_kedro.mini.world.captions import attributes_of

CHECKPOINTS = (
    "face/locator",
    "face/arcface",
    "face/curricularface",
    "face_reader/locator",
    "face_reader/attributes",
    "alignment",
    "imaging",
    "interpolation",
    "judge/identity",
    "judge/scene",
    "judge_attributes",
)


def test_every_stage_leaves_checkpoints_a_card_and_a_log(trained: Path) -> None:
    for folder in CHECKPOINTS:
        assert (trained / folder / "model.safetensors").is_file()
        assert json.loads((trained / folder / "config.json").read_text())["class"]
    for folder in STAGES:
        card = (trained / folder / "README.md").read_text()
        assert "Seed 0" in card
        assert "8 unseen people" in card
        assert "none went through the mini VAE" in card
        assert len([row for row in card.splitlines() if row.startswith("| ")]) >= 3
    events = [json.loads(line) for line in (trained / "training.jsonl").read_text().splitlines()]
    assert set(STAGES) <= {event["stage"] for event in events}
    assert not list(trained.glob("*.partial"))


def test_a_second_call_does_nothing(trained: Path) -> None:
    before = {f: f.stat().st_mtime_ns for f in trained.rglob("*") if f.is_file()}
    assert train_judges(trained, "cpu", 0, scale="tiny") == []
    assert {f: f.stat().st_mtime_ns for f in trained.rglob("*") if f.is_file()} == before


def test_only_what_is_missing_runs_again_and_gives_the_same_weights(
    trained: Path, tmp_path: Path
) -> None:
    work = tmp_path / "copy"
    shutil.copytree(trained, work)
    shutil.rmtree(work / "imaging")
    (work / "imaging.partial").mkdir()
    (work / "imaging.partial" / "model.safetensors").write_bytes(b"half written")
    assert train_judges(work, "cpu", 0, scale="tiny") == ["imaging"]
    weights = [root / "imaging" / "model.safetensors" for root in (trained, work)]
    assert weights[0].read_bytes() == weights[1].read_bytes()


def test_the_attribute_stage_alone_draws_the_people_of_the_judge_only(
    trained: Path, tmp_path: Path
) -> None:
    work = tmp_path / "copy"
    shutil.copytree(trained, work)
    shutil.rmtree(work / "judge_attributes")
    (work / "training.jsonl").unlink()
    assert train_judges(work, "cpu", 0, scale="tiny") == ["judge_attributes"]
    events = [json.loads(line) for line in (work / "training.jsonl").read_text().splitlines()]
    assert [e["people"] for e in events if e["stage"] == "pool"] == [TINY.judge_people]
    weights = [root / "judge_attributes" / "model.safetensors" for root in (trained, work)]
    assert weights[0].read_bytes() == weights[1].read_bytes()


def test_labels_name_what_the_captions_say() -> None:
    people = Renderer(torch.device("cpu"), 3, None).people(60)
    found = labels(people)
    for i in range(60):
        said = attributes_of({name: values[i].item() for name, values in people.items()})
        assert said.age and said.skin and said.eyes and said.hair
        assert said.age.text == words.AGES[found["age"][i]]
        assert said.skin.text == f"{tuple(words.SKINS)[found['skin'][i]]}-skinned"
        assert said.eyes.text == f"{tuple(words.EYE_COLOURS)[found['eye_colour'][i]]} eyes"
        if said.hair.text == "a bald head":
            assert found["hair_colour"][i] == NOT_SEEN
        else:
            assert tuple(words.HAIR_COLOURS)[found["hair_colour"][i]] in said.hair.text


def test_a_stage_that_fails_leaves_no_folder(tmp_path: Path) -> None:
    context = Context(tmp_path, torch.device("cpu"), 0, TINY, None)

    def broken(_: Context, folder: Path) -> None:
        (folder / "model.safetensors").write_bytes(b"")
        raise RuntimeError("killed")

    with pytest.raises(RuntimeError, match="killed"):
        run_stage(context, "face", 0, broken)  # type: ignore[arg-type]
    assert not (tmp_path / "face").exists()


def test_an_unknown_scale_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="'huge' is unknown"):
        train_judges(tmp_path, "cpu", 0, scale="huge")


def test_decoded_pictures_go_through_the_codec_with_noise() -> None:
    class Recording:
        """Latents are the video itself; counts what passes."""

        seen = 0

        def encode(self, video: torch.Tensor) -> torch.Tensor:
            self.seen += len(video)
            return video

        def decode(self, latents: torch.Tensor) -> torch.Tensor:
            return latents

    codec = Recording()
    renderer = Renderer(torch.device("cpu"), 3, codec)
    people = renderer.people(4)
    decoded = renderer.single_frames(people, 6, portrait=False, decoded=True)
    assert codec.seen == 6
    assert ((decoded.noise >= 0) & (decoded.noise <= 1)).all()
    rendered = renderer.single_frames(people, 6, portrait=True, decoded=False)
    assert codec.seen == 6
    assert (rendered.noise == -1).all()
    assert rendered.portrait.all()
    assert rendered.face_open.all()


def test_training_needs_torch_only() -> None:
    code = (
        "import sys, tpige_kedro.mini.judges_training.train, tpige_kedro.mini.judge; "
        "print([m for m in ('pydantic', 'kedro', 'pandas', 'PIL') if m in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"
