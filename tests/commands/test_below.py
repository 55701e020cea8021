"""Which files below a data root are somebody's: by kind of file and by folder."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from tpige_kedro.commands.below import SHARED, Below
from tpige_kedro.commands.person import Person

ADA = Person("ada", {"ada_1"})


def found(root: Path) -> dict[str, str]:
    """The names of what would be deleted, and why."""
    return {Path(f.name).name: f.group for f in Below(root).find(ADA)}


@pytest.mark.parametrize("suffix", [".html", ".js", ".svg", ".txt", ".md", ".tex"])
def test_every_kind_of_text_that_names_the_person_goes(suffix: str, tmp_path: Path) -> None:
    folder = tmp_path / "08_reporting"
    folder.mkdir()
    (folder / f"page{suffix}").write_text("see ada_1 and bob_1")
    (folder / f"other{suffix}").write_text("see bob_1 and nada_1")
    assert found(tmp_path) == {f"page{suffix}": SHARED}


@pytest.mark.parametrize("suffix", [".parquet", ".csv"])
def test_every_kind_of_table_that_has_the_person_goes(suffix: str, tmp_path: Path) -> None:
    folder = tmp_path / "02_intermediate"
    folder.mkdir()
    for name, sample in (("mine", "ada_1"), ("theirs", "bob_1")):
        table = pd.DataFrame({"sample_id": [sample], "n": [1]})
        if suffix == ".csv":
            table.to_csv(folder / f"{name}{suffix}", index=False)
        else:
            table.to_parquet(folder / f"{name}{suffix}")
    assert found(tmp_path) == {f"mine{suffix}": SHARED}


@pytest.mark.parametrize(
    ("layer", "looked_at"),
    [
        ("01_raw", False),  # the user's own
        ("02_intermediate", True),
        ("03_primary", True),
        ("04_feature", True),
        ("05_model_input", True),
        ("06_models", False),
        ("07_model_output", True),
        ("08_reporting", True),
        ("notes", False),
    ],
)
def test_the_layers_that_runs_write_to_are_looked_at(
    layer: str, looked_at: bool, tmp_path: Path
) -> None:
    (tmp_path / layer).mkdir()
    (tmp_path / layer / "ada_1.bin").write_bytes(b"x")
    (tmp_path / layer / "task.json").write_text('{"sample_id": "ada_1"}')
    assert set(found(tmp_path)) == ({"ada_1.bin", "task.json"} if looked_at else set())
