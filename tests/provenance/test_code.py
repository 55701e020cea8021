from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tpige_kedro.provenance import code


def test_every_file_of_a_folder_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules/a.py").write_text("A = 1")
    (tmp_path / "rules/words.txt").write_text("red")
    monkeypatch.setattr(code, "PACKAGE", tmp_path)
    seen = set()

    def changed() -> bool:
        code.code_hash.cache_clear()
        before = len(seen)
        seen.add(code.code_hash("rules"))
        return len(seen) > before

    assert changed()
    (tmp_path / "rules/a.pyc").write_text("compiled")
    assert not changed()
    (tmp_path / "rules/a.py").write_text("A = 2")
    assert changed()
    (tmp_path / "rules/words.txt").write_text("blue")
    assert changed()
    (tmp_path / "rules/words.txt").rename(tmp_path / "rules/names.txt")
    assert changed()
    code.code_hash.cache_clear()


def test_every_cell_name_type_and_the_order_count() -> None:
    table = pd.DataFrame({"a": [1.0, np.nan], "b": ["x", None], "n": [1, 2]})
    others = [
        table.assign(a=[1.0, 2.0]),
        table.assign(b=["x", ""]),
        table.rename(columns={"a": "c"}),
        table.astype({"n": float}),
        table.iloc[::-1],
        table.head(1),
        table[["b", "a", "n"]],
    ]
    hashes = [code.table_hash(t) for t in [table, *others]]
    assert len(set(hashes)) == len(hashes)
    assert code.table_hash(table.copy()) == hashes[0]
    assert code.table_hash(table.set_index(pd.Index([7, 8]))) == hashes[0]
