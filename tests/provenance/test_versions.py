"""What records say of the code: the commit, whether it was changed, and nothing of somebody else's repository."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tpige_kedro.provenance import GitState, environment, git_state, versions

UNKNOWN = GitState("unknown", "unknown")


def git(folder: Path, *arguments: str) -> str:
    name = ("-c", "user.name=a", "-c", "user.email=a@b.c", "-c", "commit.gpgsign=false")
    command = ["git", "-C", str(folder), *name, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A repository with a package and a configuration, committed."""
    for name in ("src/[pkg]/__init__.py", "conf/base/parameters.yml", "README.md"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("first\n")
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", "-A")
    git(tmp_path, "commit", "-qm", "first")
    return tmp_path


def state(checkout: Path) -> GitState:
    git_state.cache_clear()
    return git_state(checkout / "src" / "[pkg]", checkout / "conf")


def test_a_clean_checkout_and_one_with_changes(checkout: Path) -> None:
    commit = git(checkout, "rev-parse", "HEAD")
    assert state(checkout) == GitState(commit, False)
    (checkout / "README.md").write_text("changed\n")
    (checkout / "src" / "[pkg]" / "notes.txt").write_text("not tracked\n")
    assert state(checkout) == GitState(commit, False)
    for name in ("src/[pkg]/__init__.py", "conf/base/parameters.yml"):
        (checkout / name).write_text("changed\n")
        assert state(checkout) == GitState(commit, True)
        git(checkout, "checkout", "-q", name)
    assert state(checkout) == GitState(commit, False)


def test_outside_git_and_inside_somebody_elses_repository(
    checkout: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone = tmp_path_factory.mktemp("alone")
    (alone / "__init__.py").touch()
    git_state.cache_clear()
    assert git_state(alone, alone) == UNKNOWN
    installed = checkout / ".venv" / "lib" / "pkg"
    installed.mkdir(parents=True)
    (installed / "__init__.py").touch()
    assert git_state(installed, checkout / "conf") == UNKNOWN
    monkeypatch.setenv("PATH", "")
    assert state(checkout) == UNKNOWN, "no git"


def test_a_git_command_around_this_process_does_not_lead_elsewhere(
    checkout: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = state(checkout)
    other = tmp_path_factory.mktemp("other")
    git(other, "init", "-q")
    monkeypatch.setenv("GIT_DIR", str(other / ".git"))
    assert state(checkout) == expected


def test_the_configuration_may_lie_outside(
    checkout: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    elsewhere = tmp_path_factory.mktemp("conf")
    git_state.cache_clear()
    assert git_state(checkout / "src" / "[pkg]", elsewhere).dirty is False


def test_a_record_is_plain_and_the_libraries_are_not_imported() -> None:
    found = environment()
    assert json.loads(json.dumps(found)) == found
    assert found["torch"] and found["diffusers"] and found["transformers"]
    code = "import sys; from tpige_kedro.provenance import environment as e; print(e()['device'], 'torch' in sys.modules)"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.split() == ["cpu", "False"]


def test_a_library_that_is_absent_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(versions, "LIBRARIES", ("torch", "no-such-library"))
    versions._libraries.cache_clear()
    try:
        assert versions._libraries()["no-such-library"] is None
    finally:
        versions._libraries.cache_clear()


def test_the_device_is_the_gpu_once_torch_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda index: f"GPU {index}")
    versions._gpu_name.cache_clear()
    assert environment()["device"] == "GPU 0"
    versions._gpu_name.cache_clear()
