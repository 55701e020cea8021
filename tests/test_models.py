from __future__ import annotations

from pathlib import Path

import pytest

from tpige_kedro import models
from tpige_kedro.errors import ModelError
from tpige_kedro.models import (
    describe_model,
    find_source,
    load_class,
    load_model,
    load_models,
    missing_needs,
    model_identity,
    model_revision,
    release_models,
    resolve_source,
)
from tpige_kedro.schemas import ModelSpec
from tpige_kedro.seeds import derive_seed


class Made:
    """Remembers how it was built."""

    alive = 0

    def __init__(self, **options: object) -> None:
        self.options = options
        Made.alive += 1

    def __del__(self) -> None:
        Made.alive -= 1


def spec(**changes: object) -> ModelSpec:
    return ModelSpec.model_validate({"type": f"{__name__}.Made", "licence": "MIT", **changes})


@pytest.fixture(autouse=True)
def fresh() -> None:
    model_revision.cache_clear()
    release_models()


def weights(folder: Path, content: bytes = b"weights") -> Path:
    (folder / "part").mkdir(parents=True, exist_ok=True)
    (folder / "part" / "model.safetensors").write_bytes(content)
    (folder / "config.json").write_text("{}")
    return folder


def test_a_model_gets_its_source_revision_and_options(tmp_path: Path) -> None:
    made = load_model(spec(source=str(weights(tmp_path)), revision="r", options={"steps": 3}))
    assert made.options == {"source": str(tmp_path), "revision": "r", "steps": 3}
    assert load_model(spec(options={"steps": 3})).options == {"steps": 3}


def test_a_hub_id_is_passed_on_and_a_missing_folder_is_not() -> None:
    assert resolve_source("owner/name-1.0") == "owner/name-1.0"
    with pytest.raises(ModelError, match=r"data/06_models/nowhere.*models\.<name>\.source"):
        resolve_source("data/06_models/nowhere")


@pytest.mark.parametrize("path", ["nowhere.Class", "tpige_kedro.models.Nothing", "Class", ""])
def test_a_class_that_cannot_be_imported_is_named(path: str) -> None:
    with pytest.raises(ModelError, match=r"models\.<name>\.type"):
        load_class(path)


def test_the_revision_of_local_weights_is_their_content(tmp_path: Path) -> None:
    first = model_revision(str(weights(tmp_path / "a")))
    assert model_revision(str(weights(tmp_path / "b"))) == first, "wherever they lie"
    assert model_revision(str(weights(tmp_path / "c", b"retrained"))) != first
    (tmp_path / "b" / "README.md").write_text("a model card is not a weight")
    model_revision.cache_clear()
    assert model_revision(str(tmp_path / "b")) == first
    assert model_revision("owner/name", "abc") == "abc"
    assert model_revision("owner/name") == "unpinned"


def test_a_change_in_the_middle_of_small_files_and_at_the_end_of_large_ones_is_seen(
    tmp_path: Path,
) -> None:
    content = bytearray(3 << 20)
    first = model_revision(str(weights(tmp_path / "a", bytes(content))))
    content[-5] = 1
    assert model_revision(str(weights(tmp_path / "b", bytes(content)))) != first


def test_identity_is_what_decides_results(tmp_path: Path) -> None:
    base = spec(
        source=str(weights(tmp_path / "a")), options={"steps": 3, "batch_size": 4, "device": "cuda"}
    )
    moved = spec(source=str(weights(tmp_path / "b")), options={"steps": 3})
    assert model_identity(base) == model_identity(moved)
    assert model_identity(base) != model_identity(
        spec(source=str(tmp_path / "a"), options={"steps": 4})
    )
    one, other = (model_identity(spec(source=f"owner/{name}", revision="r")) for name in "ab")
    assert one != other


def test_a_description_says_where_a_model_is_from(tmp_path: Path) -> None:
    described = describe_model("m", spec(source=str(weights(tmp_path)), options={"steps": 3}))
    assert described["name"] == "m" and described["licence"] == "MIT"
    assert described["source"] == str(tmp_path) and len(described["revision"]) == 16


def test_the_last_models_are_kept_and_let_go_before_the_next(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (first,) = load_models([spec()])
    assert load_models([spec()])[0] is first
    del first
    alive_while_loading = []
    load = models.load_model
    monkeypatch.setattr(
        models, "load_model", lambda s: (alive_while_loading.append(Made.alive), load(s))[1]
    )
    load_models([spec(options={"a": 1}), spec(options={"b": 2})])
    assert alive_while_loading == [0, 1], "the first was gone when the next was loaded"


def test_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ONE_KEY", "x")
    monkeypatch.setenv("EMPTY_KEY", "")
    monkeypatch.delenv("NO_KEY", raising=False)
    assert missing_needs(spec(needs=["ONE_KEY", "EMPTY_KEY", "NO_KEY"])) == ["EMPTY_KEY", "NO_KEY"]


def test_seeds_differ_by_name_and_repeat() -> None:
    seeds = {derive_seed(seed, name) for seed in range(3) for name in ("a", "b", "ab")}
    assert len(seeds) == 9 and all(0 <= s < 2**63 for s in seeds)
    assert derive_seed(0, "a") == 8617095791668180470, (
        "clips made by earlier versions can be made again"
    )
    assert derive_seed(0, "a", "b") != derive_seed(0, "ab")


def test_a_missing_folder_says_what_belongs_into_it() -> None:
    wanted = spec(
        type="tpige_kedro.metrics.photo_face.PhotoFaceScorer",
        source="data/06_models/nowhere/photo_face",
    )
    with pytest.raises(ModelError, match=r"no such file or folder.*get buffalo_l/det_10g.onnx"):
        load_model(wanted)
    with pytest.raises(ModelError, match=r"ConsisID-preview.*put it into data/06_models/nowhere"):
        find_source(wanted)
    with pytest.raises(ModelError, match="no such file or folder"):
        find_source(spec(source="data/06_models/nowhere/else"))


def test_a_missing_model_says_where_its_files_come_from() -> None:
    with pytest.raises(ModelError, match="train_mini"):
        resolve_source("data/06_models/mini/nowhere")
    with pytest.raises(ModelError, match=r"docs/models\.md") as error:
        resolve_source("data/06_models/phantom_14b")
    assert "train_mini" not in str(error.value)
