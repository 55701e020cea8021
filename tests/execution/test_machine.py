from __future__ import annotations

from pathlib import Path

import psutil
import pytest

from tpige_kedro.execution import machine
from tpige_kedro.execution.machine import GIB, gpus, host_memory, room


def group(folder: Path, **files: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name.replace("__", ".")).write_text(f"{text}\n")


def member(folder: Path, *lines: str) -> Path:
    file = folder / "membership"
    file.write_text("\n".join(lines) + "\n")
    return file


def test_without_a_limit_it_is_the_memory_of_the_machine(tmp_path: Path) -> None:
    group(tmp_path / "job", memory__max="max", memory__current="5")
    for membership in (member(tmp_path, "0::/job"), tmp_path / "no Linux"):
        found = host_memory(tmp_path, membership)
        assert (found.total, found.limited_by) == (psutil.virtual_memory().total, "this machine")
        assert 0 < found.available <= found.total


@pytest.mark.parametrize(
    ("lines", "folder"),
    [
        (["0::/job"], "job"),
        (["0::/job/step"], "job"),  # a limit of the group above
        (["0::/"], "."),  # a container sees itself as the root
        (["0::/../../job"], "job"),
        (["4:cpu:/", "0::/job"], "job"),
    ],
)
def test_a_limit_of_version_2(lines: list[str], folder: str, tmp_path: Path) -> None:
    group(
        tmp_path / folder,
        memory__max=str(2 * 10**6),
        memory__current=str(10**6),
        memory__stat="anon 1\ninactive_file 300000",
    )
    found = host_memory(tmp_path, member(tmp_path, *lines))
    assert (found.total, found.available) == (2 * 10**6, 1_300_000)
    assert str(tmp_path / folder) in found.limited_by


@pytest.mark.parametrize(
    "line", ["4:memory:/docker/0a", "4:cpuset,memory:/docker/0a", "4:memory:/not/mounted"]
)
def test_a_limit_of_version_1(line: str, tmp_path: Path) -> None:
    folder = tmp_path / "memory" / ("docker/0a" if "docker" in line else ".")
    files = {"memory__limit_in_bytes": "4000000", "memory__usage_in_bytes": "5000000"}
    group(folder, **files, memory__stat="total_inactive_file 0")
    found = host_memory(tmp_path, member(tmp_path, line))
    assert (found.total, found.available) == (4_000_000, 0)


def test_the_smallest_limit_on_the_way_counts(tmp_path: Path) -> None:
    group(tmp_path / "a", memory__max="3000000", memory__current="0")
    group(tmp_path / "a" / "b", memory__max="9000000", memory__current="8500000")
    found = host_memory(tmp_path, member(tmp_path, "0::/a/b"))
    assert (found.total, found.available) == (3_000_000, 500_000)


def test_a_limit_beyond_the_machine_is_none(tmp_path: Path) -> None:
    group(tmp_path / "memory", memory__limit_in_bytes="9223372036854771712")
    found = host_memory(tmp_path, member(tmp_path, "4:memory:/"))
    assert found.total == psutil.virtual_memory().total


def test_this_machine_has_memory_and_says_why_it_has_no_gpu() -> None:
    assert host_memory().total > GIB / 2
    found = gpus()
    if found.cards:
        assert all(card.total > GIB and card.name for card in found.cards)
    else:
        assert "torch" in found.absent


class Torch:
    """As torch, in the ways to have no GPU."""

    __version__ = "9.9"

    class version:
        cuda: str | None = "12.8"
        hip = None


def test_why_there_is_no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    why = machine._why_none
    assert "(built for 12.8) sees none: nvidia-smi" in why(Torch, [])
    assert "sees none: The driver is too old" in why(Torch, ["The driver is too old\nmore"])
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert "CUDA_VISIBLE_DEVICES is ''" in why(Torch, [])
    Torch.version.cuda = None
    assert "torch 9.9 is built for CPU only; install a build for GPUs" in why(Torch, [])


def test_the_room_of_a_folder_that_is_not_there_yet(tmp_path: Path) -> None:
    found = room(tmp_path / "a" / "b")
    assert found.device == tmp_path.stat().st_dev
    assert found.free > 0
    assert room(Path("neither/here")).device == Path.cwd().stat().st_dev
