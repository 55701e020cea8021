"""One family: what this project raises on purpose is a TpigeError, also where Kedro asks for its own DatasetError."""

from __future__ import annotations

import ast
from pathlib import Path

import kedro.io
import pytest

from tpige_kedro.datasets import Mp4Dataset
from tpige_kedro.datasets.item_folder import PaidError
from tpige_kedro.datasets.pictures import PictureError
from tpige_kedro.errors import TpigeError
from tpige_kedro.files.errors import DatasetError
from tpige_kedro.files.seal import Damaged

SRC = Path(__file__).parents[1] / "src" / "tpige_kedro"


@pytest.mark.parametrize("error", [PictureError, PaidError, DatasetError])
def test_errors_of_datasets_are_of_both_families(error: type[Exception]) -> None:
    assert issubclass(error, TpigeError) and issubclass(error, kedro.io.DatasetError)


def test_a_damaged_file_is_one_of_ours() -> None:
    assert issubclass(Damaged, TpigeError)


def test_kedro_passes_our_errors_on_unwrapped(tmp_path: Path) -> None:
    (tmp_path / "clip.mp4").write_bytes(b"no clip")
    with pytest.raises(TpigeError, match=r"clip\.mp4"):
        Mp4Dataset(filepath=str(tmp_path / "clip.mp4")).load()


def test_nothing_raises_kedros_own_error() -> None:
    theirs = []
    for file in SRC.rglob("*.py"):
        tree = ast.parse(file.read_text("utf-8"))
        kedros = any(
            isinstance(node, ast.ImportFrom)
            and node.module == "kedro.io"
            and any(alias.name == "DatasetError" for alias in node.names)
            for node in ast.walk(tree)
        )
        raised = [
            ast.unparse(node.exc.func)
            for node in ast.walk(tree)
            if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call)
        ]
        if (kedros and "DatasetError" in raised) or "kedro.io.DatasetError" in raised:
            theirs.append(str(file.relative_to(SRC)))
    assert theirs == []
