"""Several pictures of one person through all stages: generators get what they take, everything else looks at the first."""

from __future__ import annotations

import json
import pickle
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from PIL import Image

import fakes
from project import STAGES, Project
from tpige_kedro import further
from tpige_kedro.commands.remake import remake
from tpige_kedro.datasets import PictureFolder
from tpige_kedro.datasets.items import NONE
from tpige_kedro.errors import TpigeError
from tpige_kedro.hooks.errors import RunStopped
from tpige_kedro.pipelines.generation_variants.further import most_references, with_further
from tpige_kedro.pipelines.generation_variants.nodes import Generation
from tpige_kedro.provenance.recipe import read_recipe
from tpige_kedro.schemas import Guidance, ModelSpec, Provenance, Variant
from tpige_kedro.video_generators.imported import IMPORTED
from tpige_kedro.video_generators.protocol import ClipRequest, GeneratedClip


class Several(fakes.Generator):
    """Takes three pictures, and shows a colour for each."""

    version = 1
    max_references = 3

    def generate(
        self, requests: Sequence[ClipRequest], guidance: Guidance
    ) -> Iterator[tuple[ClipRequest, GeneratedClip | Exception]]:
        for request in requests:
            fakes.log(f"generate {request.sample_id} from {len(request.references)}")
            seen = [np.asarray(p.resize((32, 32))) for p in request.references]
            frames = np.stack([seen[i % len(seen)] for i in range(5)])
            yield request, GeneratedClip(frames, fps=8)


MODELS = {"mini_vace": {"type": "test_several_pictures.Several"}}


@pytest.fixture
def ada(project: Project) -> Project:
    """Ada has four pictures, and the person of the other sample has one."""
    phantom = {"generator": "mini_phantom"}
    project.configure(variants={"phantom": phantom, "phantom_again": {**phantom, "draw": 1}})
    folder = project.samples / "references" / "ada"
    folder.mkdir(parents=True)
    for i in range(1, 5):
        Image.new("RGB", (32, 32), (60 * i, 80, 20)).save(folder / f"{i}.png")
    row = {"person_id": "ada", "prompt": "A chef cooks.", "consent": "synthetic"}
    other = {**row, "sample_id": "bob_1", "person_id": "bob", "reference": "bob.png"}
    project.write_samples([{**row, "sample_id": "ada_1", "reference": "ada/"}, other])
    return project


def record(project: Project, clip: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(
        (project.data / f"07_model_output/clips/{clip}.json").read_text()
    )
    return found


def test_pictures_reach_the_generators_that_take_them(ada: Project, caplog: pytest.LogCaptureFixture) -> None:  # fmt: skip
    run = {"models": MODELS, "run_variants": ["vace", "phantom", "phantom_again"]}
    ada.run(*STAGES[:3], **run)
    assert "generate ada_1 from 3" in ada.work and "generate bob_1 from 1" in ada.work
    assert (
        "models.mini_vace takes 3 reference pictures: of ada_1, it gets the first 3" in caplog.text
    )
    alone = "models.mini_phantom takes 1 reference picture: of ada_1, it gets the first alone"
    assert caplog.text.count(alone) == 1  # of two variants
    assert "1 of them have several reference pictures" in caplog.text
    made = record(ada, "vace/ada_1")
    assert made["reference"] == "ada/1.png"
    assert (
        made["further_references"] == ["ada/2.png", "ada/3.png"]
        and len(made["further_hashes"]) == 2
    )
    assert "further_references" not in record(ada, "phantom/ada_1") | record(ada, "vace/bob_1")

    ada.forget_work()
    Image.new("RGB", (32, 32), (7, 7, 7)).save(
        ada.samples / "references/ada/4.png"
    )  # nobody gets it
    ada.run("generation_variants", "prompt_enhancement", **run)
    assert not [line for line in ada.work if line.startswith("generate")], ada.work
    Image.new("RGB", (32, 32), (7, 7, 9)).save(ada.samples / "references/ada/2.png")
    ada.run("generation_variants", "prompt_enhancement", **run)
    assert [line for line in ada.work if line.startswith("generate")] == ["generate ada_1 from 3"]


def test_a_redrawn_picture_stands_for_the_first(ada: Project) -> None:
    redrawn = {"generator": "mini_vace", "reference": "enhanced"}
    ada.configure(variants={"redrawn": redrawn}, models=MODELS)
    ada.run(*STAGES[:3], run_variants=["vace", "redrawn"])
    plain, other = (record(ada, f"{variant}/ada_1") for variant in ("vace", "redrawn"))
    assert plain["reference_hash"] != other["reference_hash"]
    assert plain["further_hashes"] == other["further_hashes"]


def test_a_clip_of_several_pictures_is_made_again(
    ada: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada.configure(models=MODELS)
    ada.run(*STAGES[:3], run_variants=["vace"])
    monkeypatch.chdir(ada.folder)
    clip = ada.data / "07_model_output" / "clips" / "vace" / "ada_1.mp4"
    assert len(read_recipe(clip).references) == 3
    roots = ",".join(f"{key}={value}" for key, value in ada.roots.items())
    place = ["--env", ada.env, "--conf-source", str(ada.conf), f"--params={roots}"]
    result = CliRunner().invoke(remake, [str(clip), *place])
    assert result.exit_code == 0 and "identical" in result.output, result.output


def test_a_worker_is_given_all_pictures(tmp_path: Path) -> None:
    for i in (1, 2):
        (tmp_path / "ada").mkdir(exist_ok=True)
        Image.new("RGB", (32, 32), (60 * i, 80, 20)).save(tmp_path / "ada" / f"{i}.png")
    pictures = PictureFolder(path=str(tmp_path)).load()
    one, two = (pictures.check(f"ada/{i}.png").hash for i in (1, 2))
    row = {
        "variant": "v", "sample_id": "s1", "person_id": "ada", "prompt": "A chef cooks.", "seed": 1, "problem": "",
        "reference": "ada/1.png", "reference_hash": one, "reference_source": "original",
        further.NAMES: further.packed(["ada/2.png"]), further.HASHES: further.packed([two]),
    }  # fmt: skip
    models = {"m": ModelSpec(type="test_several_pictures.Several", licence="x")}
    stage = Generation(pictures, NONE, {"v": Variant(generator="m")}, models, Provenance())
    part: Generation = pickle.loads(pickle.dumps(stage.part([stage.job(row)])))
    assert [p.getpixel((0, 0))[0] for p in part.request(row).references] == [60, 120]
    plain = {**row, further.NAMES: "", further.HASHES: ""}
    assert stage.job(plain).fingerprint != stage.job(row).fingerprint
    bare = {k: v for k, v in plain.items() if k not in further.COLUMNS}
    assert (
        stage.job(plain).fingerprint == stage.job(bare).fingerprint
    )  # as before there could be several
    (tmp_path / "ada" / "2.png").unlink()
    with pytest.raises(TpigeError, match=r"ada/2\.png is gone"):
        stage.request(row)


def test_one_that_cannot_be_opened_stops_its_person_alone(ada: Project) -> None:
    (ada.samples / "references/ada/3.png").write_bytes(b"no picture")
    with pytest.raises(RunStopped, match=r"ada_1 .*references/ada/3\.png: damaged"):
        ada.run("prompt_enhancement")
    issues = ada.table("02_intermediate/sample_issues.parquet")
    assert list(issues["sample_id"]) == ["ada_1"] and "ada/3.png" in issues["problem"][0]
    assert list(ada.table("02_intermediate/checked_samples.parquet")["sample_id"]) == ["bob_1"]


@pytest.mark.parametrize(
    ("spec", "most"),
    [
        ({"type": "tpige_kedro.video_generators.phantom.Phantom", "source": "a/b"}, 4),
        ({"type": "tpige_kedro.video_generators.hailuo.Hailuo"}, 1),
        ({"type": "fakes.Generator"}, 1),
        (
            {
                "type": "tpige_kedro.video_generators.several_gpus.SeveralGpus",
                "source": "a/b",
                "options": {"generator": "tpige_kedro.video_generators.wan_vace.WanVace", "gpus": 2, "split": "context"},
            },
            4,
        ),
    ],
)  # fmt: skip
def test_generators_say_how_many_they_take(spec: dict[str, Any], most: int) -> None:
    assert most_references(ModelSpec(licence="a licence", **spec)) == most


def test_clips_made_elsewhere_say_nothing_of_pictures(caplog: pytest.LogCaptureFixture) -> None:
    samples = pd.DataFrame(
        {"sample_id": ["s1"], further.NAMES: ['["a/2.png"]'], further.HASHES: ['["h"]']}
    )
    imported = ModelSpec(type=IMPORTED, licence="x", source="clips")
    (row,) = with_further(samples, "elsewhere", imported).to_dict("records")
    assert further.further_pictures(row) == [] and caplog.text == ""
