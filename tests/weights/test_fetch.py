"""From a hub id to files: from the cache without a request, else just what is wanted, each byte once."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from fake_hub import LAYOUTS, FakeHub
from tpige_kedro.errors import ModelError
from tpige_kedro.schemas import ModelSpec
from tpige_kedro.weights import download
from tpige_kedro.weights.fetch import fetched
from tpige_kedro.weights.hub import forget_commits, resolved_commit
from tpige_kedro.weights.hub_cache import CachedRepository
from tpige_kedro.weights.listing import forget_listings
from tpige_kedro.weights.parts import Part, parts_of
from tpige_kedro.weights.remote import look

SMALL = {"config.json": b"{}", "model.safetensors": bytes(range(256)) * 40}
VACE = "Wan-AI/Wan2.1-VACE-1.3B-diffusers"
WAN = "tpige_kedro.video_generators.wan_vace.WanVace"


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[FakeHub]:
    """An empty hub, an empty cache, and no patience."""
    monkeypatch.setattr(download, "MAX_WAIT", 0.01)
    with FakeHub() as made:
        made.use(monkeypatch, tmp_path / "cache")
        yield made


def another_process() -> None:
    """Forget what this one knows."""
    forget_commits()
    forget_listings()


def names(folder: Path) -> set[str]:
    return {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}


def sizes(repo: str, wanted: set[str]) -> dict[tuple[str, str], int]:
    return {(repo, name): len(LAYOUTS[repo][name]) for name in wanted}


def test_a_repository_comes_once_and_loads_without_a_request(
    hub: FakeHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    from huggingface_hub import constants

    commit = hub.add(VACE, LAYOUTS[VACE])
    (part,) = parts_of(ModelSpec(type=WAN, licence="x", source=VACE))
    folder = fetched(part.place, part.revision, part.files)
    wanted = {
        n for n in LAYOUTS[VACE] if n not in {"README.md", ".gitattributes", "assets/logo.png"}
    }
    assert names(folder) == wanted
    assert all((folder / n).read_bytes() == LAYOUTS[VACE][n] for n in wanted)
    assert hub.sent == sizes(VACE, wanted), "each byte once, nothing else"
    assert hub.requests.count(("GET", f"/api/models/{VACE}")) == 1
    assert resolved_commit(VACE) == commit == folder.name, "records say what is loaded"
    for offline in (False, True):
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", offline)
        another_process()
        hub.forget()
        assert fetched(part.place, part.revision, part.files) == folder
        assert fetched(part.place, commit, part.files) == folder
        assert resolved_commit(VACE) == commit
        assert look(part).cached
        assert hub.requests == []


def test_the_library_finds_what_we_fetched_and_we_what_it_did(
    hub: FakeHub, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from huggingface_hub import scan_cache_dir, snapshot_download

    commit = hub.add("o/n", SMALL)
    folder = fetched("o/n")
    assert snapshot_download("o/n", local_files_only=True) == str(folder)
    assert [
        r.commit_hash for repo in scan_cache_dir(tmp_path / "cache").repos for r in repo.revisions
    ] == [commit]
    hub.use(monkeypatch, tmp_path / "other")
    theirs = snapshot_download("o/n")
    another_process()
    hub.forget()
    assert str(fetched("o/n")) == theirs
    assert hub.requests == []


def test_only_the_files_of_the_part_come_and_the_rest_later(hub: FakeHub) -> None:
    hub.add(VACE, LAYOUTS[VACE])
    base = ("transformer/config.json", "vae/*", "scheduler/*")
    small = names(fetched(VACE, None, base))
    assert small == {n for n in LAYOUTS[VACE] if n.startswith(("vae/", "scheduler/"))} | {
        "transformer/config.json"
    }
    another_process()
    fetched(VACE, None, ("transformer/*", "vae/*"))
    assert max(hub.sent[VACE, n] // len(LAYOUTS[VACE][n]) for n in LAYOUTS[VACE]) == 1


@pytest.mark.parametrize(
    ("repo", "patterns", "expected"),
    [
        ("openai/clip-vit-base-patch16", ("*.json", "*.txt", "model*.safetensors|pytorch_model*.bin"), "pytorch_model.bin"),
        ("bytedance-research/Phantom", ("Phantom_Wan_14B.safetensors.index.json",), "Phantom_Wan_14B-00006-of-00006.safetensors"),
        ("bytedance-research/Phantom", ("Phantom-Wan-1.3B.pth",), "Phantom-Wan-1.3B.pth"),
        ("Alibaba-NLP/gme-Qwen2-VL-2B-Instruct", ("*.json", "*.txt", "*.jinja|", "*.safetensors"), "model-00003-of-00003.safetensors"),
    ],
)  # fmt: skip
def test_published_layouts(
    hub: FakeHub, repo: str, patterns: tuple[str, ...], expected: str
) -> None:
    hub.add(repo, LAYOUTS[repo])
    folder = fetched(repo, None, patterns)
    assert expected in names(folder)
    assert not {n for n in names(folder) if n.endswith((".md", ".msgpack", ".h5", ".py"))}
    another_process()
    hub.forget()
    assert fetched(repo, None, patterns) == folder
    assert not hub.requests


@pytest.mark.parametrize("listed", [True, False])
def test_what_the_cache_lacks_comes_and_nothing_else(hub: FakeHub, listed: bool) -> None:
    """Also where an older huggingface_hub left no list of files: if it is a network or a shard that is missing."""
    hub.add(VACE, LAYOUTS[VACE])
    (part,) = parts_of(ModelSpec(type=WAN, licence="x", source=VACE))
    folder = fetched(part.place, part.revision, part.files)
    for gone in sorted(names(folder)):
        (folder / gone).resolve().unlink()
        if not gone.endswith("1.safetensors"):  # there the link stays and leads nowhere
            (folder / gone).unlink()
        if not listed:
            (CachedRepository.of(VACE).folder / "trees" / f"{folder.name}.json").unlink(
                missing_ok=True
            )
            if gone.startswith("tokenizer/"):
                (folder / gone).write_bytes(LAYOUTS[VACE][gone])  # nobody can see that it is gone
        another_process()
        hub.forget()
        assert fetched(part.place, part.revision, part.files) == folder
        seen = listed or not gone.startswith("tokenizer/")
        assert hub.sent == (sizes(VACE, {gone}) if seen else {}), gone


def test_a_branch_that_moved_upstream_stays_at_what_was_downloaded(hub: FakeHub) -> None:
    first = hub.add("o/n", SMALL)
    fetched("o/n", None, ("config.json",))
    second = hub.add("o/n", {**SMALL, "config.json": b'{"new": 1}'})
    another_process()
    assert fetched("o/n").name == first, "also when more of it is downloaded"
    assert fetched("o/n", second).name == second
    assert hub.sent["o/n", "model.safetensors"] == len(SMALL["model.safetensors"]), (
        "the same content"
    )
    hub.add("o/n", SMALL, revision="v1.0")
    assert fetched("o/n", "v1.0").name == first


def test_what_was_asked_first_and_pinned_then_is_found_by_its_branch_later(
    hub: FakeHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a run does it: the commit for the records first, then the files of that commit."""
    from huggingface_hub import constants

    hub.add("o/n", SMALL)
    folder = fetched("o/n", resolved_commit("o/n"))
    another_process()
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert resolved_commit("o/n") == folder.name
    assert fetched("o/n") == folder


def test_a_commit_that_nobody_knew_is_known_once_it_is_loaded(hub: FakeHub) -> None:
    hub.add("o/n", SMALL)
    hub.fail("api", times=1, status=403)
    assert resolved_commit("o/n") is None
    assert resolved_commit("o/n") == fetched("o/n").name or resolved_commit("o/n") is not None
    assert resolved_commit("o/n") == fetched("o/n").name


@pytest.mark.parametrize("where", ["cdn", "file"])
@pytest.mark.parametrize("at", [0, 1, 5000, 10239])
def test_a_dropped_connection_is_resumed(hub: FakeHub, where: str, at: int) -> None:
    hub.add("o/n", SMALL)
    hub.fail(where, file="model.safetensors", drop_at=at, times=2)
    assert (fetched("o/n") / "model.safetensors").read_bytes() == SMALL["model.safetensors"]
    assert hub.sent["o/n", "model.safetensors"] == len(SMALL["model.safetensors"])


def test_a_killed_download_is_resumed_by_the_next_process(hub: FakeHub, tmp_path: Path) -> None:
    data = os.urandom(400_000)
    hub.add("o/n", {"config.json": b"{}", "model.safetensors": data})
    hub.fail("cdn", drop_at=300_000, times=1)
    hub.fail("cdn", stall=60)
    code = "from tpige_kedro.weights.fetch import fetched; print(fetched('o/n'))"
    env = hub.environment(tmp_path / "cache")
    process = subprocess.Popen([sys.executable, "-c", code], env=env)
    blobs = CachedRepository.of("o/n").folder / "blobs"
    while not any(p.stat().st_size == 300_000 for p in blobs.glob("*.incomplete")):
        assert process.poll() is None
    process.kill()
    process.wait()
    hub.heal()
    fetched("o/n")
    assert hub.sent["o/n", "model.safetensors"] == len(data), "not one byte twice"


def test_several_processes_and_threads_download_once(hub: FakeHub, tmp_path: Path) -> None:
    from concurrent.futures import ThreadPoolExecutor

    hub.add(VACE, LAYOUTS[VACE])
    with ThreadPoolExecutor(6) as pool:
        folders = set(pool.map(lambda _: fetched(VACE), range(6)))
    assert len(folders) == 1
    assert max(hub.sent[VACE, n] // len(LAYOUTS[VACE][n]) for n in LAYOUTS[VACE]) == 1


def test_a_server_without_ranges_begins_again(hub: FakeHub) -> None:
    hub.add("o/n", SMALL)
    hub.fail("cdn", drop_at=5000, times=1)
    hub.fail("cdn", no_range=True)
    assert (fetched("o/n") / "model.safetensors").read_bytes() == SMALL["model.safetensors"]


@pytest.mark.parametrize(
    "wrong",
    [b"x" * 10240, b"x" * 100, b"x" * 20000, b""],
    ids=["other bytes", "too short", "too long", "nothing"],
)
@pytest.mark.parametrize("where", ["cdn", "file"])
def test_a_wrong_content_is_downloaded_once_more(hub: FakeHub, where: str, wrong: bytes) -> None:
    hub.add("o/n", SMALL)
    hub.fail(where, file="model.safetensors", content=wrong, times=1)
    assert (fetched("o/n") / "model.safetensors").read_bytes() == SMALL["model.safetensors"]
    assert not list((CachedRepository.of("o/n").folder / "blobs").glob("*.incomplete"))


@pytest.mark.parametrize(
    "half", [b"x" * 3000, b"x" * 10240, b"x" * 99999, b""], ids=["other", "whole", "long", "empty"]
)
def test_a_half_download_of_something_else_does_no_harm(hub: FakeHub, half: bytes) -> None:
    hub.add("o/n", SMALL)
    remote = look(Part("source", "o/n", None))
    file = next(f for f in remote.missing if f.name == "model.safetensors")
    partial = CachedRepository.of("o/n").partial(file)
    partial.parent.mkdir(parents=True)
    partial.write_bytes(half)
    assert (fetched("o/n") / "model.safetensors").read_bytes() == SMALL["model.safetensors"]


@pytest.mark.parametrize("left", [0, 1, 10239])
def test_a_content_that_was_cut_in_the_cache_comes_again(hub: FakeHub, left: int) -> None:
    hub.add("o/n", SMALL)
    file = fetched("o/n") / "model.safetensors"
    os.truncate(file, left)
    another_process()
    assert (fetched("o/n") / "model.safetensors").read_bytes() == SMALL["model.safetensors"]
    assert hub.sent["o/n", "config.json"] == 2


@pytest.mark.parametrize("name", ["refs/main", "trees"])
@pytest.mark.parametrize(
    "content", [b"", b"\xff\x00", b'{"format_version": 7}', b"[1]", b"../../../etc"]
)
def test_damaged_notes_of_the_cache_are_asked_for_again(
    hub: FakeHub, name: str, content: bytes
) -> None:
    hub.add("o/n", SMALL)
    folder = fetched("o/n")
    repository = CachedRepository.of("o/n").folder
    (repository / (f"trees/{folder.name}.json" if name == "trees" else name)).write_bytes(content)
    another_process()
    hub.forget()
    assert fetched("o/n") == folder
    assert not hub.sent


@pytest.mark.parametrize("links", ["hard", "none"])
def test_disks_without_symbolic_links(
    hub: FakeHub, monkeypatch: pytest.MonkeyPatch, links: str
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(1314, "a required privilege is not held by the client")

    monkeypatch.setattr(Path, "symlink_to", refuse)
    if links == "none":
        monkeypatch.setattr(os, "link", refuse)
    hub.add("o/n", SMALL)
    folder = fetched("o/n")
    assert not any(p.is_symlink() for p in folder.iterdir())
    assert {n: (folder / n).read_bytes() for n in names(folder)} == SMALL
    another_process()
    hub.forget()
    assert fetched("o/n") == folder
    assert not hub.requests


def test_an_interruption_ends_all_downloads_and_loses_nothing(
    hub: FakeHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tpige_kedro.weights import fetch

    files = {f"{i}.safetensors": os.urandom(200_000) for i in range(6)}
    hub.add("o/n", files)

    def interrupted(jobs: list[object]) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(fetch, "as_completed", interrupted)
        with pytest.raises(KeyboardInterrupt):
            fetched("o/n")
    folder = fetched("o/n")
    assert {n: (folder / n).read_bytes() for n in names(folder)} == files


def test_empty_files_and_equal_ones(hub: FakeHub) -> None:
    files = {"a/empty.txt": b"", "a/same.safetensors": b"abc", "b/same.safetensors": b"abc"}
    hub.add("o/n", files)
    folder = fetched("o/n")
    assert {n: (folder / n).read_bytes() for n in names(folder)} == files
    assert sum(hub.sent.values()) == 3


def test_the_token_goes_to_the_hub_and_to_nobody_else(
    hub: FakeHub, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    hub.add("o/gated", SMALL, gated=True)
    hub.members["hf_secret_token"] = {"o/gated"}
    hub.use(monkeypatch, tmp_path / "cache", token="hf_secret_token")
    assert not look(Part("source", "o/gated", None)).cached
    fetched("o/gated")
    assert hub.tokens_at_cdn == []


def test_look_says_what_is_to_come(hub: FakeHub) -> None:
    hub.add("o/n", SMALL)
    part = Part("source", "o/n", None, ("*.json", "*.safetensors"))
    found = look(part)
    assert len(hub.requests) == 1
    assert (found.size, found.bytes, found.cached) == (10242, 10242, False)
    fetched("o/n", None, ("*.json",))
    found = look(part)
    assert [f.name for f in found.missing] == ["model.safetensors"]
    assert (found.size, found.bytes) == (10242, 10240)


def test_local_places_stay_where_they_are(tmp_path: Path) -> None:
    assert fetched(str(tmp_path)) == tmp_path
    assert look(Part("source", str(tmp_path), None)).cached
    with pytest.raises(ModelError, match="no such file or folder"):
        fetched(str(tmp_path / "gone"))
