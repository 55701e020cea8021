from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import tiny_buffalo
from makers.pinning import FILE, Checkpoints, Pin, Pins
from makers.rule_weights import refill

# eyes, nose, corners of the mouth: x, y from the middle of a face, in strides of the detector
LANDMARKS = ((-0.45, -0.1), (0.44, -0.13), (0.02, 0.39), (-0.34, 0.92), (0.37, 0.9))


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-pins", action="store_true", help="write what the makers give now to pins.json"
    )


@pytest.fixture(scope="session")
def pins(pytestconfig: pytest.Config) -> Pins:
    update = bool(pytestconfig.getoption("--update-pins", False))
    if update and hasattr(pytestconfig, "workerinput"):
        pytest.fail("--update-pins: one process writes the file; add -n 0", pytrace=False)
    return Pins(FILE, update)


@pytest.fixture
def pin(pins: Pins) -> Pin:
    """Compares what a maker gives with what it gave when its pin was written."""
    return pins.check


@pytest.fixture(scope="session")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> Checkpoints:
    """``checkpoints(name, save, **gains)``: the folder of a tiny checkpoint whose weights are made by rule, saved once."""
    base, made = tmp_path_factory.mktemp("checkpoints"), dict[str, str]()

    def checkpoint(name: str, save: Callable[[Path], Path], **gains: float) -> str:
        if name not in made:
            made[name] = str(refill(save(base / name), gains))
        return made[name]

    return checkpoint


@pytest.fixture
def pack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with two tiny networks as ``buffalo_l``, whose landmarks do not follow the template of the alignment."""
    monkeypatch.setattr(tiny_buffalo, "LANDMARKS", np.array(LANDMARKS, np.float32))
    return tiny_buffalo.write_pack(tmp_path)
