"""Clips carry what they were made of, and nothing of the machine, of keys, or of the photo."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from clip_stage import ENHANCED, MODEL, PLAIN, SEEDLESS, Stage
from PIL import Image

from datasets.mp4_boxes import boxes
from tpige_kedro.datasets.mp4_encoding import CRF
from tpige_kedro.execution.pictures import picture_hash
from tpige_kedro.pipelines.generation_variants import recipes
from tpige_kedro.provenance.recipe import Recipe, read_recipe, surroundings
from tpige_kedro.provenance.recipe_models import recipe_model, texts_in
from tpige_kedro.provenance.xmp import recipe_in
from tpige_kedro.schemas import Guidance, ModelSpec, Variant
from tpige_kedro.services.secrets import remember
from tpige_kedro.video_generators.protocol import GeneratedClip

GUIDED = ENHANCED.model_copy(update={"guidance": Guidance(identity_weight=0.5, skip_layers=(1,))})


def recipe_of(stage: Stage, key: str = "v/s1") -> Recipe:
    return read_recipe(stage.run()[key].path)


def test_it_says_what_the_record_says(stage: Stage) -> None:
    stage.variants = {"v": GUIDED}
    items = stage.run()
    found, record = read_recipe(items["v/s1"].path), items["v/s1"].record()
    assert found.prompt == record["prompt"] == "A red man reads."
    assert found.seed == record["seed"] and found.guidance == GUIDED.guidance
    assert found.frames_hash == record["frames_hash"] and found.crf == CRF
    assert (found.sample_id, found.variant) == ("s1", "v")
    (reference,) = found.references
    assert (reference.source, reference.hash) == ("enhanced", record["reference_hash"])
    assert found.model == recipe_model("m", MODEL) and found.model.options == {"steps": 3}
    assert (found.frames, found.height, found.width, found.fps) == tuple(
        record[name] for name in ("frames", "height", "width", "fps")
    )
    known = record["environment"]
    assert found.environment.model_dump(exclude={"threads", "run"}) == known
    assert found.environment == surroundings(MODEL, {}) and found.environment.threads is None
    assert surroundings(MODEL, {"dtype": "float32"}).threads == torch.get_num_threads()
    assert found.environment.run == {"batch_size": 4}, "how it computed, and not what"


def test_the_photo_is_there_as_its_hash_only(stage: Stage) -> None:
    photo = Image.open(stage.root / "references" / "a.png")
    (reference,) = recipe_of(stage).references
    assert (reference.source, reference.hash) == ("original", picture_hash(photo))
    text = recipe_in(stage.folder.path_of("v/s1"))
    for absent in ("a.png", "p1", str(stage.root), "references/"):
        assert absent not in text


def test_all_variants_have_the_same_keys(stage: Stage) -> None:
    stage.variants = {"v": PLAIN, "e": ENHANCED, "g": GUIDED}
    made = [read_recipe(item.path) for item in stage.run().values()]
    assert len({recipe.frames_hash for recipe in made}) == len(made) == 6


def test_a_service_has_neither_seed_nor_guidance(stage: Stage, monkeypatch: Any) -> None:
    monkeypatch.setattr(
        recipes, "declared", lambda path, name, default: False if "takes" in name else default
    )
    found = recipe_of(stage)
    assert found.seed is None and found.guidance is None and found.prompt == "A man reads."


def test_a_class_that_takes_no_seed_says_so(stage: Stage) -> None:
    stage.models = {"m": SEEDLESS}
    assert recipe_of(stage).seed is None


def test_what_is_said_of_hailuo() -> None:
    options = {
        "model": "S2V-01",
        "base_url": "https://api.example.org",
        "journal": "/data/hailuo_tasks",
        "max_tasks": 50,
        "clip_price": 0.4,
    }
    kind = "tpige_kedro.video_generators.hailuo.Hailuo"
    spec = ModelSpec(type=kind, licence="terms", needs=("MINIMAX_API_KEY",), options=options)
    found = recipe_model("hailuo", spec)
    assert set(found.options) == {"model", "base_url"} and found.options["model"] == "S2V-01"
    assert "example.org" not in found.model_dump_json() and found.source is None


def test_a_hash_of_another_form_is_said(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    """What a later kind of reference may bring: the clip is made, and the log says what it lacks."""
    plan = stage.plan()
    row, model = plan.iloc[0].to_dict() | {"reference_hash": "two pictures"}, MODEL
    clip = GeneratedClip(np.zeros((5, 32, 32, 3), np.uint8), 8)
    assert recipes.recipe_text(row, clip, "ab" * 32, PLAIN, model) == ""
    assert "v/s1 carries no recipe: hash: " in caplog.text


OPTIONS = {
    "path": "/home/ada/words.txt",
    "relative": "./words.txt",
    "home": "~/words",
    "windows": "C:\\words.txt",
    "address": "https://example.org/v1?key=abc",
    "nested": {"files": ["/srv/a.bin"]},
    "negative_prompt": "blurred",
    "secret": "sk-0123456789abcdef",
    "long": "word " * 100,
}


@pytest.mark.parametrize("name", OPTIONS)
def test_places_keys_and_long_texts_are_named_by_a_hash(stage: Stage, name: str) -> None:
    remember("sk-0123456789abcdef")
    options = {"steps": 3, name: OPTIONS[name]}
    stage.models = {"m": MODEL.model_copy(update={"options": options})}
    found = recipe_of(stage).model.options
    assert found["steps"] == 3 and re.fullmatch(r"[0-9a-f]{64}", found[name]["sha256"])  # type: ignore
    text = recipe_in(stage.folder.path_of("v/s1"))
    assert not [value for value in texts_in(OPTIONS[name]) if len(value) > 5 and value in text]


def test_a_secret_in_a_prompt_is_masked(stage: Stage) -> None:
    remember("sk-0123456789abcdef")
    stage.samples["prompt"] = "A man with sk-0123456789abcdef reads."
    assert recipe_of(stage).prompt == "A man with *** reads."


def test_the_same_clip_has_the_same_bytes(stage: Stage, tmp_path: Path) -> None:
    first = {key: item.path.read_bytes() for key, item in stage.run().items()}
    again = {key: item.path.read_bytes() for key, item in Stage(tmp_path / "b").run().items()}
    assert first == again


def test_clips_of_before_are_kept(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "tpige_kedro.pipelines.generation_variants.nodes.recipe_text", lambda *_: ""
    )
    before = {key: item.path.read_bytes() for key, item in stage.run().items()}
    assert recipe_in(stage.folder.path_of("v/s1")) == ""
    monkeypatch.undo()
    monkeypatch.setenv("FAKES_LOG", str(stage.root / "log"))
    stage.forget()
    items = stage.run()
    assert {key: item.path.read_bytes() for key, item in items.items()} == before
    assert stage.log == [], "no model was loaded"


def test_one_that_does_not_fit_is_said_and_the_clip_is_made(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    options = {f"o{i}": "x" * 190 for i in range(400)}
    stage.models = {"m": MODEL.model_copy(update={"options": options})}
    items = stage.run()
    assert len(items) == 2 and recipe_in(items["v/s1"].path) == ""
    assert "v/s1 carries no recipe: the recipe has" in caplog.text


def test_a_clip_from_elsewhere_is_not_touched(stage: Stage, tmp_path: Path) -> None:
    def copied() -> Iterator[Path]:
        for sample, item in zip(("s1", "s2"), stage.run().values(), strict=True):
            yield (tmp_path / f"{sample}.mp4")
            (tmp_path / f"{sample}.mp4").write_bytes(b"".join(whole(item.path)))

    files = list(copied())
    kind = "tpige_kedro.video_generators.imported.Imported"
    changes = {"type": kind, "source": str(tmp_path), "options": {"pattern": "{sample_id}.mp4"}}
    stage.models = {"m": MODEL.model_copy(update=changes)}
    stage.variants = {"theirs": Variant(generator="m")}
    items = stage.run()
    assert items["theirs/s1"].path.read_bytes() == files[0].read_bytes()


def whole(file: Path) -> Iterator[bytes]:
    """A clip without its last box, as a stranger's."""
    content = file.read_bytes()
    kind, last = boxes(file)[-1]
    assert kind == "uuid"
    yield content[: -len(last) - 8]
