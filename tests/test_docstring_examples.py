"""The examples in the docstrings of all modules run, and give what stands there."""

from __future__ import annotations

import doctest
import importlib
from pathlib import Path

import pytest

from project import ROOT

SOURCE = ROOT / "src"
FILES = sorted(f for f in SOURCE.rglob("*.py") if ">>> " in f.read_text(encoding="utf-8"))


def module_of(file: Path) -> str:
    return ".".join(file.relative_to(SOURCE).with_suffix("").parts).removesuffix(".__init__")


@pytest.mark.parametrize("module", map(module_of, FILES))
def test_examples(module: str) -> None:
    failed, tried = doctest.testmod(importlib.import_module(module))
    assert not failed and tried


def test_there_are_many() -> None:
    assert len(FILES) > 100
