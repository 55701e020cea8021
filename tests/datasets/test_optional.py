from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from kedro.io import DatasetError

from tpige_kedro.datasets import TableIfThere


def test_a_table_or_an_empty_one(tmp_path: Path) -> None:
    file = tmp_path / "t.parquet"
    dataset = TableIfThere(filepath=str(file), columns=["a", "b"])
    assert dataset.exists() and list(dataset.load().columns) == ["a", "b"] and dataset.load().empty
    pd.DataFrame({"a": ["1"], "b": ["2"], "c": ["3"]}).to_parquet(file)
    assert dataset.load().loc[0, "c"] == "3"
    with pytest.raises(DatasetError, match="only read"):
        dataset.save(pd.DataFrame())  # type: ignore[arg-type]
