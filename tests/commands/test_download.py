"""``kedro download``: exactly what a run with an environment loads, once, whatever fails beside it."""

from __future__ import annotations

import io
import os
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cache
from hashlib import sha256
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from kedro.framework.startup import bootstrap_project

from fake_hub import LAYOUTS, FakeHub
from project import ROOT
from tpige_kedro.commands import download as module
from tpige_kedro.commands.download import download as command
from tpige_kedro.files.sizes import readable_size
from tpige_kedro.schemas import Parameters
from tpige_kedro.weights import addresses, download, room
from tpige_kedro.weights.fetch import fetched
from tpige_kedro.weights.hub import forget_commits
from tpige_kedro.weights.listing import forget_listings

VACE = "Wan-AI/Wan2.1-VACE-1.3B-diffusers"
FLUX = "black-forest-labs/FLUX.1-Fill-dev"
SHIPPED = sorted(
    file.parent.name
    for file in (ROOT / "conf").glob("*/environment.yml")
    if not file.parent.name.startswith("my_")  # a user's own
)
ONNX = {"det_10g.onnx": b"detector" * 100, "w600k_r50.onnx": b"recogniser" * 300}
INCEPTION = b"inception" * 1000


@dataclass
class World:
    """A hub with all that is published, addresses for the rest, a cache and a folder for faces."""

    hub: FakeHub
    faces: Path
    pins: dict[str, str] = field(default_factory=dict)

    def run(self, *arguments: str, env: str = "vace_1_3b") -> Result:
        forget_commits()
        forget_listings()
        self.hub.forget()
        return CliRunner().invoke(command, ["--env", env, *arguments])

    def configured(self, env: str, *_: object) -> Parameters:
        """The parameters of an environment, which take a second to read, with the faces in a folder of the test's."""
        parameters = parameters_of(env).model_copy(deep=True)
        for name, spec in parameters.models.items():
            options = {k: v for k, v in spec.options.items() if not k.endswith("_revision")}
            faces = {"source": str(self.faces)} if name in {"photo_face", "photo_judge"} else {}
            pins = {"revision": self.pins.get(name), "options": options}
            parameters.models[name] = spec.model_copy(update={**pins, **faces})
        return parameters


configured = module.configured


@cache
def parameters_of(env: str) -> Parameters:
    return configured(env, None, {})


def pack(content: dict[str, bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("buffalo_l/1k3d68.onnx", os.urandom(3000))
        for name, data in content.items():
            archive.writestr(f"buffalo_l/{name}", data)
    return file.getvalue()


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[World]:
    bootstrap_project(ROOT)
    monkeypatch.setattr(download, "MAX_WAIT", 0.01)
    with FakeHub() as hub:
        for repo, files in LAYOUTS.items():
            hub.add(repo, files)
        pages = {
            name: replace(
                entry, url=hub.put("buffalo_l.zip", pack(ONNX)), sha256=digest(ONNX[entry.member])
            )
            if entry.member
            else entry
            for name, entry in addresses.PUBLISHED.items()
        }
        inception = "inception_v3_google-0cc3c7bd.pth"
        url = hub.put(inception, INCEPTION)
        pages[inception] = replace(pages[inception], url=url, sha256=digest(INCEPTION)[:8])
        monkeypatch.setattr(addresses, "PUBLISHED", pages)
        hub.use(monkeypatch, tmp_path / "cache")
        made = World(hub, tmp_path / "faces")
        monkeypatch.setattr(module, "configured", made.configured)
        yield made


def test_params_count_as_in_a_run() -> None:
    bootstrap_project(ROOT)
    source = CliRunner().invoke(
        command, ["--env", "test", "--only", "mini_face", "--params=models.mini_face.source=/gone"]
    )
    assert source.exit_code == 1
    assert "/gone: it does not exist" in source.output


def digest(data: bytes) -> str:
    return sha256(data).hexdigest()


def test_everything_comes_once_and_a_run_needs_no_network(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    from huggingface_hub import constants

    listed = world.run("--dry-run")
    assert listed.exit_code == 0, listed.output
    assert not world.hub.sent
    assert not world.faces.exists()
    assert "transformer/diffusion_pytorch_model-00001-of-00002.safetensors  2.1 kB" in listed.output
    assert "vace_1_3b_still, " in listed.output, "the models that share it"
    assert "buffalo_l.zip" in listed.output

    done = world.run()
    assert done.exit_code == 0, done.output
    sent = dict(world.hub.sent)
    assert all(count == 1 for count in times(sent, world).values()), "each byte once"
    assert not [name for repo, name in sent if name.endswith((".md", ".msgpack", ".h5", ".png"))]
    assert ("bytedance-research/Phantom", "Phantom-Wan-1.3B.pth") in sent
    assert ("lalala125/AMT", "amt-l.pth") not in sent
    assert {p.relative_to(world.faces).as_posix() for p in world.faces.rglob("*") if p.is_file()} == {
        "buffalo_l/det_10g.onnx", "buffalo_l/w600k_r50.onnx", "inception_v3_google-0cc3c7bd.pth",
        "glint360k_curricular_face_r101_backbone.bin",
    }  # fmt: skip
    assert (world.faces / "buffalo_l/det_10g.onnx").read_bytes() == ONNX["det_10g.onnx"]

    again = world.run()
    assert again.exit_code == 0, again.output
    assert "to download: 0 B" in again.output
    assert world.hub.requests == []
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert world.run().exit_code == 0
    assert fetched("openai/clip-vit-base-patch16", None, ("pytorch_model.bin",)).is_dir()


@pytest.mark.parametrize("env", SHIPPED)
def test_each_environment_is_listed_downloaded_and_then_here(world: World, env: str) -> None:
    """Also in a run after it: every file that its models load comes once, and nothing is asked again."""
    listed = world.run("--dry-run", env=env)
    assert listed.exit_code == 0, listed.output
    assert not world.hub.sent
    assert "not available" not in listed.output and "of unknown size" not in listed.output
    done = world.run(env=env)
    assert done.exit_code == 0, done.output
    assert all(count == 1 for count in times(world.hub.sent, world).values()), "each byte once"
    for repo, name in world.hub.sent:
        shown = name.removeprefix("face_encoder/")  # into another folder
        lines = (f"    {shown}  ", f"/{shown}\n")  # a file, or where it comes from
        assert any(line in listed.output for line in lines), f"{repo} {name}"
    again = world.run("--dry-run", env=env)
    assert "to download: 0 B" in again.output and not world.hub.requests


def times(sent: dict[tuple[str, str], int], world: World) -> dict[tuple[str, str], float]:
    whole = {("", name): len(data) for name, data in world.hub.pages.items()}
    whole |= {(r, n): len(d) for r, files in LAYOUTS.items() for n, d in files.items()}
    return {key: count / whole[key] for key, count in sent.items()}


def test_what_fails_does_not_stop_the_others(world: World) -> None:
    world.hub.add(VACE, LAYOUTS[VACE], gated=True)
    world.hub.fail("cdn", repo="lalala125/AMT", content=b"x")
    world.hub.fail("page", file="inception*", status=404)
    result = world.run()
    assert result.exit_code == 1
    for words in (
        f"model source '{VACE}': it is gated",
        "model source 'lalala125/AMT': a file is not what the hub announced",
        "inception_v3_google-0cc3c7bd.pth cannot be downloaded from",
        "(404 Not Found)",
    ):
        assert words in result.output
    assert ("Qwen/Qwen2.5-VL-7B-Instruct", "model-00005-of-00005.safetensors") in world.hub.sent
    world.hub.heal()
    world.hub.add(VACE, LAYOUTS[VACE])
    again = world.run()
    assert again.exit_code == 0, again.output
    assert {repo for repo, _ in world.hub.sent} <= {
        VACE,
        "lalala125/AMT",
        "BestWishYsh/ConsisID-preview",
        "",
    }


def test_no_network_is_said_once(world: World) -> None:
    world.hub.stop()
    result = world.run("--dry-run")
    assert result.exit_code == 1
    assert result.output.count("127.0.0.1 cannot be reached") == 1
    assert "of unknown size" in result.output


def test_only_what_is_asked_for(world: World) -> None:
    result = world.run("--only", "photo_motion", "--only", "phantom_1_3b")
    assert result.exit_code == 0, result.output
    assert {repo for repo, _ in world.hub.sent} == {
        "lalala125/AMT", "bytedance-research/Phantom", VACE,
    }  # fmt: skip
    assert not [n for r, n in world.hub.sent if n.startswith("transformer/diffusion")]
    wrong = world.run("--only", "photo_motoin")
    assert wrong.exit_code == 1
    assert "did you mean photo_motion?" in wrong.output


def test_a_full_disk_is_said_before_anything_comes(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    from types import SimpleNamespace

    monkeypatch.setattr(room.shutil, "disk_usage", lambda path: SimpleNamespace(free=1000))
    result = world.run()
    assert result.exit_code == 1
    assert "1.0 kB free" in result.output
    assert not world.hub.sent


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"<html>", "is not a zip file"),
        (pack({"det_10g.onnx": ONNX["det_10g.onnx"]}), "has no w600k_r50.onnx"),
        (pack({**ONNX, "det_10g.onnx": b"another"}), "det_10g.onnx: its sha256 is"),
        (pack(ONNX)[:-40], "is not a zip file"),
    ],
    ids=["a page", "one missing", "another network", "cut off"],
)
def test_a_pack_that_is_not_the_pack(world: World, content: bytes, words: str) -> None:
    whole = world.hub.pages["buffalo_l.zip"]
    world.hub.put("buffalo_l.zip", content)
    result = world.run("--only", "photo_judge")
    assert result.exit_code == 1
    assert words in result.output
    assert (
        "download it by hand and put" in result.output
        or "get them by hand" in result.output.replace("get it", "get them")
    )
    world.hub.put("buffalo_l.zip", whole)
    assert world.run("--only", "photo_judge").exit_code == 0


def test_a_pack_that_broke_off_is_resumed(world: World) -> None:
    world.hub.fail("page", file="buffalo_l.zip", drop_at=1500, times=2)
    world.hub.faults[-1].times = 3  # the first one is the question for its size
    assert world.run("--only", "photo_judge").exit_code == 0
    assert world.hub.sent["", "buffalo_l.zip"] == len(world.hub.pages["buffalo_l.zip"])


def test_the_token_goes_to_no_other_address(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.hub.members["hf_a_long_secret"] = {FLUX}
    world.hub.add(FLUX, LAYOUTS[FLUX], gated=True)
    monkeypatch.setenv("HF_TOKEN", "hf_a_long_secret")
    result = world.run("--only", "photo_face", "--only", "ace_plus", env="paper")
    assert result.exit_code == 0, result.output
    assert (FLUX, "flux1-fill-dev.safetensors") not in world.hub.sent
    assert world.hub.tokens_at_cdn == []


def test_what_two_revisions_share_comes_and_counts_once(world: World) -> None:
    world.pins["vace_1_3b"] = world.hub.add(VACE, LAYOUTS[VACE])
    world.hub.add(VACE, {**LAYOUTS[VACE], "README.md": b"a new card"})
    listed = world.run("--only", "vace_1_3b", "--only", "phantom_1_3b", "--dry-run")
    whole = sum(
        len(d)
        for n, d in LAYOUTS[VACE].items()
        if n.partition("/")[0] not in {"README.md", ".gitattributes", "assets"}
    )
    whole += len(LAYOUTS["bytedance-research/Phantom"]["Phantom-Wan-1.3B.pth"])
    assert f"to download: {readable_size(whole)} " in listed.output
    assert "included above" in listed.output
    assert world.run("--only", "vace_1_3b", "--only", "phantom_1_3b").exit_code == 0
    assert all(count == 1 for count in times(world.hub.sent, world).values())
    again = world.run("--only", "vace_1_3b", "--only", "phantom_1_3b")
    assert again.exit_code == 0
    assert not world.hub.requests
