from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from project import ROOT, Project
from tiny_buffalo import write_pack
from tpige_kedro.errors import ModelError
from tpige_kedro.hooks.errors import RunStopped
from tpige_kedro.schemas import ModelSpec
from tpige_kedro.weights.local_files import missing_files

MINI = ROOT / "data" / "06_models" / "mini"
PHOTO_FACE = "tpige_kedro.metrics.photo_face.PhotoFaceScorer"
VAE = "vae/diffusion_pytorch_model.safetensors"
SHIPPED = [
    entry
    for entry in yaml.safe_load((ROOT / "conf/base/parameters_models.yml").read_text())[
        "models"
    ].values()
    if "source" in entry
]


def outline(source: Path, folder: Path) -> Path:
    """A copy of a model folder whose weights are empty files: only names are looked at."""
    for file in (f for f in source.rglob("*") if f.is_file()):
        place = folder / file.relative_to(source)
        place.parent.mkdir(parents=True, exist_ok=True)
        if file.suffix == ".safetensors":
            place.touch()
        else:
            shutil.copy(file, place)
    return folder


def problem(folder: Path, kind: str = "fakes.Generator", **options: str) -> str:
    return missing_files(ModelSpec(type=kind, licence="x", source=str(folder), options=options))


@pytest.mark.parametrize("entry", SHIPPED, ids=lambda entry: entry["type"].rpartition(".")[2])
def test_the_shipped_folders_are_whole(entry: dict) -> None:
    assert missing_files(ModelSpec.model_validate(entry)) == ""


def files_of(name: str) -> list[str]:
    return sorted(str(f.relative_to(MINI / name)) for f in (MINI / name).rglob("*.safetensors"))


@pytest.mark.parametrize("name", ["vace", "phantom", "face", "imaging"])
def test_every_file_of_weights_is_missed(name: str, tmp_path: Path) -> None:
    folder = outline(MINI / name, tmp_path / name)
    assert problem(folder) == "" and files_of(name)
    for file in files_of(name):
        (folder / file).rename(tmp_path / "away")
        assert f"{folder} has no {file}; download the folder again" in problem(folder)
        (tmp_path / "away").rename(folder / file)


@pytest.mark.parametrize("part", ["scheduler", "tokenizer", "vae", "transformer", "text_encoder"])
def test_every_part_of_a_pipeline_is_missed(part: str, tmp_path: Path) -> None:
    folder = outline(MINI / "vace", tmp_path / "vace")
    shutil.rmtree(folder / part)
    assert f"has no {part}/" in problem(folder)


def test_every_shard_of_an_index_is_missed(tmp_path: Path) -> None:
    folder = outline(MINI / "vace", tmp_path / "vace")
    part = folder / "transformer"
    (part / "diffusion_pytorch_model.safetensors").rename(part / "one-of-2.safetensors")
    index = part / "diffusion_pytorch_model.safetensors.index.json"
    shards = {"a": "one-of-2.safetensors", "b": "two-of-2.safetensors"}
    index.write_text(json.dumps({"weight_map": shards}))
    assert "has no transformer/two-of-2.safetensors;" in problem(folder)
    (part / "two-of-2.safetensors").touch()
    assert problem(folder) == ""


def test_the_base_of_phantom_needs_no_transformer(tmp_path: Path) -> None:
    base = outline(MINI / "vace", tmp_path / "base")
    shutil.rmtree(base / "transformer")
    assert problem(MINI / "phantom", base=str(base)) == ""
    (base / VAE).unlink()
    assert f"{base} has no {VAE};" in problem(MINI / "phantom", base=str(base))
    with pytest.raises(ModelError, match="no such file or folder"):
        problem(MINI / "phantom", base=str(tmp_path / "no/where/at/all"))


def test_a_single_file_in_a_folder(tmp_path: Path) -> None:
    assert "has no Phantom.pth;" in problem(tmp_path, weights="Phantom.pth")
    (tmp_path / "Phantom.pth").touch()
    assert problem(tmp_path, weights="Phantom.pth") == ""


def test_loose_checkpoints_are_those_that_the_class_declares(tmp_path: Path) -> None:
    write_pack(tmp_path)
    (tmp_path / "inception_v3_google-0cc3c7bd.pth").touch()
    with pytest.raises(ModelError, match=r"has no glint360k\S+; get glint360k.*ConsisID"):
        problem(tmp_path, PHOTO_FACE)
    (tmp_path / "glint360k_curricular_face_r101_backbone.bin").touch()
    assert problem(tmp_path, PHOTO_FACE) == ""


def test_a_damaged_description_is_named(tmp_path: Path) -> None:
    folder = outline(MINI / "vace", tmp_path / "vace")
    (folder / "model_index.json").write_text("{")
    with pytest.raises(ModelError, match=r"model_index\.json cannot be read"):
        problem(folder)


def test_hub_ids_and_files_are_not_looked_into(tmp_path: Path) -> None:
    spec = ModelSpec(type="fakes.Generator", licence="x", source="owner/name")
    assert missing_files(spec) == ""
    (tmp_path / "one.pth").touch()
    assert problem(tmp_path / "one.pth") == ""


def test_a_run_stops_before_its_first_node(project: Project) -> None:
    vace = outline(MINI / "vace", project.folder / "vace")
    (vace / VAE).unlink()
    faces = write_pack(project.folder / "photo_face")
    scorer = {"type": PHOTO_FACE, "source": str(faces)}
    project.configure(models={"mini_vace": {"source": str(vace)}, "mini_face": scorer})
    with pytest.raises(RunStopped) as stopped:
        project.run("full")
    message = str(stopped.value)
    assert f"models.mini_vace (variants.vace_pe_ie.generator): {vace} has no {VAE};" in message
    assert "models.mini_face (scoring.scorers):" in message
    assert "glint360k_curricular_face_r101_backbone.bin, inception_v3_google" in message
    assert project.work == [] and project.files("**/*.parquet") == []


def test_folders_that_describe_themselves_are_looked_at_without_torch() -> None:
    code = (
        "import sys, json; from tpige_kedro.schemas import ModelSpec;"
        "from tpige_kedro.weights.local_files import missing_files;"
        f"specs = [ModelSpec.model_validate(e) for e in json.loads({json.dumps(SHIPPED)!r})];"
        "assert not any(map(missing_files, specs)); print('torch' in sys.modules)"
    )
    found = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert found.stdout.strip() == "False"


@pytest.mark.parametrize(
    ("kind", "whole"),
    [
        ("tpige_kedro.metrics.clip_score.ClipScorer", True),
        ("tpige_kedro.metrics.gme_score.GmeScorer", False),
    ],
)
def test_torch_files_count_for_classes_that_read_them(
    tmp_path: Path, kind: str, whole: bool
) -> None:
    (tmp_path / "config.json").write_text("{}")
    assert "has no model.safetensors" in problem(tmp_path, kind)
    (tmp_path / "pytorch_model.bin").touch()
    assert (problem(tmp_path, kind) == "") == whole
