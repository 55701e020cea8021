"""A clip of the shipped mini model, made by the stage and made again by the command: bit for bit the same on the same processor."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
import torch
from click.testing import CliRunner

from project import ROOT
from tpige_kedro.commands.remake import remake, settings
from tpige_kedro.datasets import ItemFolder, PictureFolder
from tpige_kedro.datasets.items import NONE
from tpige_kedro.execution.tally import reset_tallies
from tpige_kedro.pipelines.generation_variants.nodes import generate_clips
from tpige_kedro.pipelines.generation_variants.plan import plan_clips
from tpige_kedro.provenance.recipe import read_recipe
from tpige_kedro.schemas import Guidance, Variant

REFERENCES = ROOT / "data" / "01_raw" / "demo" / "references"
PHOTO = "person01.png"
GUIDED = Variant(generator="mini_vace", guidance=Guidance(identity_weight=0.5, text_weight=2.0))


@pytest.fixture
def clip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A clip of the mini VACE model in the smallest environment, guided in all three branches."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path / 'mlflow.db'}")
    parameters, _ = settings("test", {"data_root": str(tmp_path / "data")}, None)
    pictures = PictureFolder(path=str(REFERENCES)).load()
    samples = pd.DataFrame(
        [{"sample_id": "s1", "person_id": "p1", "prompt": "A chef waving.", "reference": PHOTO}]
    ).assign(reference_hash=pictures.check(PHOTO).hash)
    prompts = pd.DataFrame(columns=["sample_id", "enhanced_prompt"])
    variants = {"guided": GUIDED}
    plan = plan_clips(samples, prompts, NONE, variants, parameters.models, seed=3)
    folder = ItemFolder(
        path=str(tmp_path / "clips"), suffix=".mp4", dataset="tpige_kedro.datasets.Mp4Dataset"
    )
    reset_tallies()
    folder.save(generate_clips(plan, pictures, NONE, variants, parameters.models))
    return folder.load()["guided/s1"].path


def test_it_comes_out_bit_for_bit(clip: Path, tmp_path: Path) -> None:
    again = tmp_path / "again.mp4"
    options = [
        *("--env", "test", "--to", str(again)),
        f"--params=data_root={tmp_path / 'data'},samples_root={REFERENCES.parent}",
    ]
    threads = torch.get_num_threads()
    result = CliRunner().invoke(remake, [str(clip), *options])
    assert result.exit_code == 0, result.output
    assert "identical: all 9 frames are equal" in result.output
    assert torch.get_num_threads() == threads == read_recipe(clip).environment.threads
    assert read_recipe(again) == read_recipe(clip)
    assert again.read_bytes() == clip.read_bytes()
