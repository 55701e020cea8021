from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from makers.pinning import FILE, Pins
from makers.rule_weights import refill

Pin = Callable[[type | ModuleType, dict[str, Any]], None]
Checkpoints = Callable[..., str]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-pins", action="store_true", help="write what the makers give now to pins.json"
    )


@pytest.fixture(scope="session")
def pins(pytestconfig: pytest.Config) -> Pins:
    return Pins(FILE, update=bool(pytestconfig.getoption("--update-pins", False)))


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
