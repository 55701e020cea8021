"""The guidance benchmark runs whole at its smallest size, goes on where it stopped, and its tables add up."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch

import benchmarks.guidance_cost.run as guidance
from benchmarks.guidance_cost.models import ARCHITECTURES, Workload
from benchmarks.guidance_cost.rows import Row, branch_counts, guided, measure, rows
from benchmarks.guidance_cost.table import as_markdown

TINY = ARCHITECTURES["tiny"]


@pytest.fixture(autouse=True)
def _stance() -> Iterator[None]:
    yield
    torch.compiler.set_stance("default")


def run(monkeypatch: pytest.MonkeyPatch, out: Path, *more: str) -> list[dict]:
    arguments = ["guidance.py", "--models", "tiny", "--device", "cpu", "--out", str(out), *more]
    monkeypatch.setattr(sys, "argv", arguments)
    guidance.main()
    path = out / "rows.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def test_every_row_is_measured_without_recompiling(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    done = run(monkeypatch, tmp_path, "--commit", "abc1234")
    assert [r["key"] for r in done] == [row.key("tiny") for row in rows(TINY, on_gpu=False)]
    assert {r["new_graphs"] for r in done} == {0}
    assert done[-1]["graphs"] == 4  # block, first and later VACE block, block of the twin
    forwards = {r["label"]: sum(r["forwards"]) for r in done if r["what"] == "run"}
    assert forwards["GE t2v, reuse_every 4"] == 100 + 15  # steps 0, 1, 2, 4, 8, ... 48
    assert forwards["GE as_published, window [0, 0.5), of 10 steps"] == 25
    text = (tmp_path / "table.md").read_text()
    assert "commit abc1234" in text
    assert "Not measured" not in text
    assert run(monkeypatch, tmp_path) == done  # all there: nothing is measured twice


def test_what_the_time_does_not_allow_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert run(monkeypatch, tmp_path, "--budget-seconds", "0") == []
    assert "* tiny step GE t2v compiled native: no time left" in (tmp_path / "table.md").read_text()


def test_a_row_counts_the_forwards_of_its_steps_and_can_run_in_bfloat16() -> None:
    work = Workload(TINY, torch.device("cpu"), torch.bfloat16)
    row = Row("run", "GE", "eager", "native", guided("aligned", reuse_every=3), steps=5, total=8)
    work.prepare(row.mode, row.backend, "eager")
    result = measure(work, row)
    assert result["forwards"] == branch_counts(row.guidance, 8)[:5] == [3, 3, 3, 3, 2]
    assert len(result["seconds"]) == 5
    with pytest.raises(RuntimeError, match="flash"):
        work.prepare("eager", "flash", "eager")


def test_the_table_computes_schedules_from_kinds_of_step() -> None:
    """CFG of 2 s and a weak branch of 1 s: every 5th step of 50 and the first three make 12 of them."""
    cfg, step = Row("step", "CFG"), Row("step", "GE t2v", guidance=guided("t2v"))
    reused = replace(
        Row("run", "GE reused"), guidance=guided("t2v", reuse_every=5), steps=10, total=50
    )
    about = {
        "model": "m",
        "device": "card",
        "torch": "2",
        "cudnn": 9,
        "diffusers": "0",
        "commit": "c",
        "peak_gib": 3.0,
        "new_graphs": 0,
        "mode": "compiled",
        "backend": "_native_cudnn",
    }
    done = [
        {**about, "key": r.label, "what": r.what, "label": r.label, "seconds": s, "forwards": f}
        | {"guidance": r.guidance.model_dump(mode="json"), "total": r.total}
        for r, s, f in (
            (cfg, [2.0, 2.0], [2, 2]),
            (step, [3.0], [3]),
            (reused, [3.0] * 3 + [2.0] * 2 + [3.0] + [2.2] * 4, [3, 3, 3, 2, 2, 3, 2, 2, 2, 2]),
        )
    ]
    text = as_markdown(done, {"m forward": "no time left"})
    assert "| reuse_every 5 | 1.120 |" in text  # (50 * 2 + 12) / 100
    assert "| every step | 1.500 |" in text
    assert "| GE reused | first 10 of 50 | 24 | 24.80 | 24.00 | +3.3 % | 1.240 |" in text
    assert "* m forward: no time left" in text


def test_the_tables_of_the_document_are_those_of_the_stored_rows() -> None:
    root = Path(__file__).parents[2]
    stored = (
        (root / "benchmarks" / "guidance_cost" / "guidance_h200.jsonl").read_text().splitlines()
    )
    tables = as_markdown([json.loads(line) for line in stored], {}).strip()
    assert tables in (root / "docs" / "performance.md").read_text()
