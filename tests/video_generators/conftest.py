from __future__ import annotations

from pathlib import Path

import pytest
from tiny_wan import OPTIONS, save_phantom, save_vace

from tpige_kedro.video_generators.wan_vace import WanVace


@pytest.fixture(scope="session")
def vace_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_vace(tmp_path_factory.mktemp("checkpoints") / "vace")


@pytest.fixture(scope="session")
def phantom_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_phantom(tmp_path_factory.mktemp("checkpoints") / "phantom")


@pytest.fixture(scope="module")
def generator(vace_folder: Path) -> WanVace:
    return WanVace(str(vace_folder), **OPTIONS, batch_size=3)
