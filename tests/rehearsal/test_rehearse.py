"""``kedro rehearse`` in tiny: the product's own stages on tiny random checkpoints, measured; and what goes wrong is a row."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from tpige_kedro.commands import rehearse as command
from tpige_kedro.commands.rehearse import rehearse
from tpige_kedro.rehearsal import job as jobs
from tpige_kedro.rehearsal import rehearse as room
from tpige_kedro.rehearsal.estimate import rows_of
from tpige_kedro.rehearsal.job import Job, Measured
from tpige_kedro.rehearsal.stages import Stage

MODELS = "qwen_vl,vace_1_3b,photo_gme,photo_clip"


def rehearsed(folder: Path, *options: str) -> Result:
    arguments = ["--scale", "tiny", "--yes", "--scratch", str(folder / "scratch"), *options]
    return CliRunner().invoke(rehearse, arguments)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> tuple[Result, Path]:
    folder = tmp_path_factory.mktemp("rehearsal")
    options = ["--env", "vace_1_3b", "--models", MODELS, "--for-samples", "100"]
    return rehearsed(folder, *options, "--to", str(folder / "table")), folder


def test_every_stage_is_measured_and_the_scratch_is_gone(small: tuple[Result, Path]) -> None:
    result, folder = small
    assert result.exit_code == 0, result.output
    assert not any((folder / "scratch").iterdir())
    found = json.loads((folder / "table.json").read_text())
    rows = {row["what"]: row for row in found["rows"] if row["what"]}
    assert {"qwen_vl.read_face", "vace", "photo_gme.score", "photo_clip.score"} <= {*rows}
    clip = rows["vace"]
    assert clip["loading"] > 0 and clip["step"] > 0 and clip["full_steps"] == 50
    assert clip["full_item"] > clip["item"]  # 50 steps against 3
    assert rows["vace_pe_ge"]["item"] and not rows["vace_pe"]["item"]  # dearest, and between
    assert rows["vace_pe"]["full_item"] == pytest.approx(clip["full_item"])
    guided = rows["vace_pe_ge_no_skip"]  # three forwards a step instead of two
    assert guided["step"] == pytest.approx(1.5 * clip["step"])
    assert rows["photo_gme.score"]["items_per_sample"] == 7  # variants of the generator
    assert found["totals"]["hours"] > 0 and found["totals"]["gb"] > 0
    assert found["commit"] and found["torch"] and found["device"]
    problems = {row["stage"]: row["problem"] for row in found["rows"] if row["problem"]}
    assert set(problems.values()) == {"not rehearsed"}
    assert {"generation of hailuo", "generation of phantom_1_3b"} <= {*problems}


def test_the_table_says_what_was_left_out_and_what_is_extrapolated(
    small: tuple[Result, Path],
) -> None:
    text = (small[1] / "table.md").read_text()
    assert "photo_face: not among --models" in text
    assert "a random reader says nothing that can be used" in text
    assert "100 samples on this machine, extrapolated" in text


def test_a_service_is_not_asked_and_costs_what_its_prices_say(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "a-real-key")
    options = ["--env", "paper", "--models", "gpt_4o,hailuo", "--to", str(tmp_path / "table")]
    result = rehearsed(tmp_path, *options)
    assert result.exit_code == 0, result.output
    found = json.loads((tmp_path / "table.json").read_text())
    assert 3 < found["totals"]["dollars"] < 30  # for 1,000 samples
    (clips,) = [row for row in found["rows"] if row["what"] == "hailuo"]
    assert (clips["dollars"], clips["cost_unknown"]) == (None, "price not stated")
    assert clips["item"] is None and clips["hours"] is None  # of the stand-in, not of the service
    text = (tmp_path / "table.md").read_text()
    assert "gpt_4o: answered by a stand-in on loopback" in text
    assert "what is paid for hailuo (price not stated) comes on top" in text
    assert "that every stage runs is what this shows" not in text  # nothing is built
    assert "no weights to build" in result.output and "Build them?" not in result.output
    assert os.environ["OPENAI_API_KEY"] == "a-real-key"


def test_what_does_not_fit_is_a_row_with_its_number() -> None:
    told = "OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has ..."
    measured = Measured(problem=told, needed=23.4, seen={"items": [], "runs": []})
    stage = Stage("generation of vace", "generation_variants", {"generator": "vace"}, ("vace",))
    (row,) = rows_of(stage, measured, None, 1, 1000)  # type: ignore[arg-type]
    assert row.problem == "does not fit: needed > 23.4 GiB of GPU memory"


def test_a_process_that_is_killed_is_a_problem(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "killed.py").write_text("import os; os.kill(os.getpid(), 9)")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setattr(jobs, "WORKER", "killed")
    measured = jobs.run_apart(Job(str(tmp_path), None, None, "scoring", {}), tmp_path / "job")
    assert measured.problem == (
        "its process ended with code -9, probably because host memory ran out"
    )


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stopped_rehearsal_leaves_nothing(
    number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(*_: object) -> None:
        assert [*(tmp_path / "scratch").iterdir()]
        threading.Thread(target=os.kill, args=(os.getpid(), number)).start()
        time.sleep(30)

    monkeypatch.setattr(room.Rehearsal, "run", stopped)
    result = rehearsed(tmp_path, "--env", "test")
    assert result.exit_code == 1 and "Aborted" in result.output
    assert not any((tmp_path / "scratch").iterdir())


def test_a_full_disk_is_said_before_anything_is_built(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room.Rehearsal, "largest", lambda _: 10**18)
    result = rehearsed(tmp_path, "--env", "test")
    assert result.exit_code == 1
    assert "GB free of the 1000000000.0 GB that are needed; set --scratch" in result.output
    assert not (tmp_path / "scratch").exists()


def test_an_unknown_model_is_named(tmp_path: Path) -> None:
    result = rehearsed(tmp_path, "--env", "test", "--models", "mini_vace,nobody")
    assert result.exit_code == 1 and "--models: no nobody under models" in result.output


def test_without_a_gpu_full_size_is_said_to_take_hours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "why_no_gpu", lambda: "torch is built for CPU only")
    options = ["--env", "vace_1_3b", "--scratch", str(tmp_path)]
    told = "no GPU (torch is built for CPU only): networks of full size take hours on the CPU"
    full = CliRunner().invoke(rehearse, options, input="n\n")
    assert full.exit_code == 1 and told in full.output and "--scale tiny" in full.output
    limited = CliRunner().invoke(rehearse, [*options, "--scale", "tiny", "--gpu-limit", "11.5"])
    assert limited.exit_code == 1
    assert "--gpu-limit: no GPU (torch is built for CPU only), so there is nothing to limit" in limited.output  # fmt: skip
    assert not any(tmp_path.iterdir())
    monkeypatch.setattr(command, "why_no_gpu", lambda: "")
    assert "no GPU" not in CliRunner().invoke(rehearse, options, input="n\n").output
