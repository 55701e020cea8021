from __future__ import annotations

import json
import os
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

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
from tpige_kedro.services.secrets import known_secrets
from tpige_kedro.weights.hub import forget_commits

A, B = "a" * 40, "0123456789abcdef0123456789abcdef01234567"


class Made:
    """Remembers how it was built."""

    version = 3
    weight_options = {"base": None, "lora": "owner/lora"}  # noqa: RUF012
    class_options = ("runner",)
    alive = 0

    def __init__(self, **options: object) -> None:
        self.options = options
        Made.alive += 1

    def __del__(self) -> None:
        Made.alive -= 1


class Runner:
    """A class that an option of another names."""

    version = 5
    weight_options = {"judge": None}  # noqa: RUF012


class Unversioned:
    """Says nothing about itself."""


def spec(**changes: object) -> ModelSpec:
    return ModelSpec.model_validate({"type": f"{__name__}.Made", "licence": "MIT", **changes})


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """An empty hub cache of the test's own, and nothing remembered."""
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    forget_commits()
    release_models()
    return tmp_path / "hub"


def weights(folder: Path, content: bytes = b"weights") -> Path:
    (folder / "part").mkdir(parents=True, exist_ok=True)
    (folder / "part" / "model.safetensors").write_bytes(content)
    (folder / "config.json").write_text("{}")
    old = time.time() - 60  # a file that was just written is hashed again and again
    for file in (*folder.rglob("*.json"), *folder.rglob("*.safetensors")):
        os.utime(file, (old, old))
    return folder


def downloaded(hub: Path, name: str, commit: str, revision: str = "main") -> None:
    """The trace that a download leaves in the cache of the hub."""
    ref = hub / f"models--{name.replace('/', '--')}" / "refs" / revision
    ref.parent.mkdir(parents=True, exist_ok=True)
    ref.write_text(commit)


def test_a_model_gets_its_source_revision_and_options(tmp_path: Path) -> None:
    made = load_model(spec(source=str(weights(tmp_path)), revision="r", options={"steps": 3}))
    assert made.options == {"source": str(tmp_path), "revision": "r", "steps": 3}
    assert load_model(spec(options={"steps": 3})).options == {"steps": 3}


def test_weights_below_the_home_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    weights(tmp_path / "w")
    made = load_model(spec(source="~/w", options={"base": "~/w", "lora": "~/w", "steps": 3}))
    folder = str(tmp_path / "w")
    assert made.options == {
        "source": folder,
        "revision": None,
        "base": folder,
        "lora": folder,
        "steps": 3,
    }


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
    assert len(first) == 64
    assert model_revision(str(weights(tmp_path / "b"))) == first, "wherever they lie"
    assert model_revision(str(weights(tmp_path / "c", b"retrained"))) != first
    for name in ("README.md", "LICENSE", "training.jsonl", ".cache/huggingface/x.lock"):
        (tmp_path / "b" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "b" / name).write_text("not a weight")
    assert model_revision(str(tmp_path / "b")) == first
    (tmp_path / "b" / "merges.txt").write_text("a tokenizer's")
    assert model_revision(str(tmp_path / "b")) != first
    (tmp_path / "c" / "config.json").rename(tmp_path / "c" / "conf.json")
    renamed = model_revision(str(tmp_path / "c"))
    (tmp_path / "c" / "conf.json").rename(tmp_path / "c" / "config.json")
    assert model_revision(str(tmp_path / "c")) != renamed
    single = tmp_path / "a" / "part" / "model.safetensors"
    assert model_revision(str(single)) not in {first, renamed}


@pytest.mark.parametrize("age", [0, 3600])
def test_a_change_anywhere_in_a_file_is_seen_at_once(tmp_path: Path, age: int) -> None:
    """The case model_middle: 400 kB in the middle of 19 MB, the size as before."""
    file = weights(tmp_path, bytes(19 << 20)) / "part" / "model.safetensors"
    before = time.time() - age
    os.utime(file, (before, before))
    first = model_revision(str(tmp_path))
    with file.open("r+b") as handle:
        handle.seek(8_000_000)
        handle.write(b"\x01" * 400_000)
    assert model_revision(str(tmp_path)) != first


def test_a_hash_is_computed_once_for_all_processes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tpige_kedro.files import known
    from tpige_kedro.weights import content

    monkeypatch.setenv("TPIGE_CACHE", str(tmp_path / "cache"))
    first = model_revision(str(weights(tmp_path / "a")))
    assert (tmp_path / "cache" / "weights.json").is_file()
    monkeypatch.setattr(known, "sha256_of", lambda file: pytest.fail(f"{file} is hashed again"))
    content._known.cache_clear()  # as another process
    assert model_revision(str(tmp_path / "a")) == first
    with pytest.raises(pytest.fail.Exception, match="hashed again"):
        model_revision(str(weights(tmp_path / "a", b"other")))


def test_without_a_place_for_the_hashes_all_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    first = model_revision(str(weights(tmp_path / "a")))
    (tmp_path / "file").touch()
    monkeypatch.setenv("TPIGE_CACHE", str(tmp_path / "file"))
    with caplog.at_level("DEBUG", "tpige_kedro.weights"):
        assert model_revision(str(tmp_path / "a")) == first
    assert "hashes of weights are not cached" in caplog.text


def test_weights_in_linked_folders_count_and_circles_end(tmp_path: Path) -> None:
    first = model_revision(str(weights(tmp_path / "a")))
    elsewhere = weights(tmp_path / "elsewhere")
    (tmp_path / "linked").mkdir()
    (tmp_path / "linked" / "config.json").symlink_to(elsewhere / "config.json")
    (tmp_path / "linked" / "part").symlink_to(elsewhere / "part")
    assert model_revision(str(tmp_path / "linked")) == first
    (elsewhere / "part" / "up").symlink_to(elsewhere)
    model_revision(str(elsewhere))
    weights(elsewhere, b"retrained")
    assert model_revision(str(tmp_path / "linked")) != first


def test_the_revision_of_a_hub_id_is_the_commit(fresh: Path) -> None:
    assert model_revision("owner/name", A) == A
    assert model_revision("owner/name") == "unresolved"
    assert model_revision("owner/name", "v1") == "unresolved:v1"
    forget_commits()
    downloaded(fresh, "owner/name", A)
    downloaded(fresh, "owner/name", B, "v1")
    assert model_revision("owner/name") == A
    assert model_revision("owner/name", "v1") == B
    downloaded(fresh, "owner/name", B)
    assert model_revision("owner/name") == A, "the same in a process: what was loaded"


def test_the_hub_is_asked_once_and_only_for_what_nobody_downloaded(
    monkeypatch: pytest.MonkeyPatch, fresh: Path
) -> None:
    import huggingface_hub
    from huggingface_hub import constants

    asked = []

    class Api:
        def repo_info(self, name: str, revision: str | None, timeout: float) -> Any:
            asked.append((name, revision))
            if name == "owner/private":
                raise OSError("401")
            return SimpleNamespace(sha=B)

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(huggingface_hub, "HfApi", Api)
    downloaded(fresh, "owner/cached", A)
    names = ("owner/name", "owner/private", "owner/cached", "data/no/hub/id")
    for _ in range(2):
        assert [model_revision(name) for name in names] == [B, "unresolved", A, "unresolved"]
    assert asked == [("owner/name", None), ("owner/private", None)]


def test_what_is_loaded_is_the_commit_that_the_record_names(tmp_path: Path, fresh: Path) -> None:
    downloaded(fresh, "owner/name", A)
    downloaded(fresh, "owner/lora", B)
    downloaded(fresh, "owner/base", A, "v2")
    options = {"base": "owner/base", "base_revision": "v2"}
    wanted = spec(source="owner/name", options=options)
    assert load_model(wanted).options == {
        "source": "owner/name", "revision": A,
        "base": "owner/base", "base_revision": A, "lora_revision": B,
    }  # fmt: skip
    described = describe_model("m", wanted)
    assert described["revision"] == A
    assert described["parts"] == {
        "base": {"source": "owner/base", "revision": A},
        "lora": {"source": "owner/lora", "revision": B},
    }
    unknown = load_model(spec(source="owner/other", revision="v9", options={"lora": None}))
    assert unknown.options == {"source": "owner/other", "revision": "v9", "lora": None}


def test_further_weights_count_by_their_content(tmp_path: Path) -> None:
    def identity(base: Path, **options: str) -> dict[str, Any]:
        return model_identity(spec(options={"base": str(base), **options}))

    first = identity(weights(tmp_path / "a"))
    assert identity(weights(tmp_path / "b")) == first, "wherever they lie"
    assert str(tmp_path) not in json.dumps(first)
    assert identity(weights(tmp_path / "c", b"retrained")) != first
    inner = model_identity(
        spec(options={"runner": f"{__name__}.Runner", "judge": str(tmp_path / "a")})
    )
    assert inner["runs"] == {"runner": {"type": f"{__name__}.Runner", "version": 5}}
    assert inner["parts"]["judge"]["revision"] == first["parts"]["base"]["revision"]


def test_the_version_counts_and_a_class_without_one_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first = model_identity(spec())
    assert first["version"] == 3
    monkeypatch.setattr(Made, "version", 4)
    assert model_identity(spec()) == {**first, "version": 4}
    with pytest.raises(ModelError, match=r"Unversioned' has no version; declare `version = 1`"):
        model_identity(spec(type=f"{__name__}.Unversioned"))


def test_what_is_worked_on_is_no_part_of_the_maker(tmp_path: Path) -> None:
    imported = "tpige_kedro.video_generators.imported.Imported"
    found = model_identity(spec(type=imported, source=str(weights(tmp_path))))
    assert (found["source"], found["revision"]) == (None, None)


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
    assert described["source"] == str(tmp_path) and len(described["revision"]) == 64
    assert described["version"] == 3 and described["type"].endswith(".Made")


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


@pytest.mark.parametrize(
    "option",
    [
        *("dtype", "vae_dtype", "quantisation", "attention", "cache", "steps", "sampler", "sigmas"),
        *("seed", "shared_noise", "temperature", "max_tokens", "max_side", "base_url", "model"),
    ],
)
def test_an_option_that_changes_results_is_part_of_the_identity(option: str) -> None:
    identities = [model_identity(spec(options={option: value})) for value in ("a", "b")]
    assert identities[0] != identities[1] != model_identity(spec(options={}))


def test_models_with_other_options_are_loaded_anew() -> None:
    release_models()
    (first,) = load_models([spec(source=None, options={"steps": 3})])
    assert load_models([spec(source=None, options={"steps": 3})]) == (first,)
    (other,) = load_models([spec(source=None, options={"steps": 4})])
    assert (first.options["steps"], other.options["steps"]) == (3, 4)
    release_models()


def test_a_file_that_changes_within_a_tick_of_the_clock_is_hashed_again(tmp_path: Path) -> None:
    file = tmp_path / "w.safetensors"
    file.write_bytes(b"one")
    first, moment = model_revision(str(file)), file.stat().st_mtime_ns
    file.write_bytes(b"two")
    os.utime(file, ns=(moment, moment))
    assert model_revision(str(file)) != first


def test_the_key_of_a_model_is_kept_out_of_logs_from_when_it_is_loaded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("tpige_kedro.services.secrets._known", set())
    monkeypatch.setenv("OWN_API_KEY", "a key of one's own model")
    load_model(spec(needs=["OWN_API_KEY"], source=None))
    assert known_secrets() == {"a key of one's own model"}


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
