"""Seconds, hours, bytes and dollars of a part: from records, from a rehearsal, or unknown; never made up."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from kedro.framework.startup import bootstrap_project

from project import ROOT
from tpige_kedro.commands.download import configured
from tpige_kedro.datasets import ItemFolder
from tpige_kedro.errors import TpigeError
from tpige_kedro.execution.work import Job, Result, Work
from tpige_kedro.planning.left import Part
from tpige_kedro.planning.rehearsed import Rehearsed
from tpige_kedro.planning.report import Plan
from tpige_kedro.planning.rows import Line, lines_of
from tpige_kedro.rehearsal.estimate import Row
from tpige_kedro.rehearsal.report import Report
from tpige_kedro.schemas import Parameters


@cache
def paper() -> Parameters:
    bootstrap_project(ROOT)
    return configured("paper", None, {})


def with_options(model: str, **options: Any) -> Parameters:
    spec = paper().models[model]
    changed = spec.model_copy(update={"options": {**spec.options, **options}})
    return paper().model_copy(update={"models": {**paper().models, model: changed}})


def part(
    tmp_path: Path,
    dataset: str,
    group: str = "",
    seconds: tuple[float, ...] = (),
    left: int = 0,
    **details: Any,
) -> Part:
    """A part with a finished item for each of ``seconds``."""
    folder = ItemFolder(path=str(tmp_path / dataset))
    found = Part(dataset, dataset, group, folder, shared=dataset in SHARED)
    for number, each in enumerate(seconds):
        job = Job(f"{group}/{number}" if group else str(number), "mark", None)
        folder.commit(job, Result({}, details), each, Work("test", [], lambda todo: iter(())))
        found.kept.append(job.key)
    found.left = [f"left {number}" for number in range(left)]
    return found


SHARED = ("enhanced_references", "clips", "clip_scores", "set_score_items")

ROWS = [
    Row("prompt_enhancement", "gpt_4o.read_face", "gpt_4o", items_per_sample=1.0, dollars=3.0),
    Row("prompt_enhancement", "gpt_4o.rewrite_prompt", "gpt_4o", items_per_sample=2.0),
    Row("reference_enhancement", "ace_plus", "ace_plus", full_item=10.0, items_per_sample=4.0),
    Row("reference_enhancement", "photo_judge.compare", "photo_judge", full_item=0.5, items_per_sample=4.0),
    Row("generation of vace_14b", "vace", "vace_14b", loading=360.0, full_item=900.0, items_per_sample=1.0),
    Row("generation of vace_14b", "vace_pe", "vace_14b", problem="does not fit"),
    Row("scoring", "photo_face.score", "photo_face", full_item=2.0, items_per_sample=9.0),
]  # fmt: skip


def rehearsal(tmp_path: Path, **facts: Any) -> Path:
    told = {"environment": "paper", "scale": "full", "device": "a card", **facts}
    return Report(told, samples=1000, rows=ROWS).write(tmp_path / "table")[0]


def lines(tmp_path: Path, *parts: Part, parameters: Parameters | None = None) -> list[Line]:
    rehearsed = Rehearsed.read(rehearsal(tmp_path), "paper")
    return lines_of(parts, parameters or paper(), rehearsed)


def test_own_records_go_before_a_rehearsal_which_goes_before_unknown(tmp_path: Path) -> None:
    some = part(tmp_path, "clips", "vace", seconds=(800.0, 1000.0, 5000.0), left=10)
    none = part(tmp_path, "clips", "vace_pe", left=10)
    other = part(tmp_path, "clips", "vace_pe_ge", left=10)
    own, alike, unknown = lines(tmp_path, some, none, other)
    assert (own.seconds.value, own.seconds.source) == (1000.0, "median of 3 records")
    assert own.hours(1) == pytest.approx((10 * 1000 + 360) / 3600)  # loading by the rehearsal
    assert alike.seconds.source == "median of 3 records of vace"  # the same model and guidance
    assert unknown.seconds.value is None and unknown.hours(4) is None and unknown.unknown
    (rehearsed,) = lines(tmp_path, part(tmp_path, "clips", "vace", left=10))
    assert (rehearsed.seconds.value, rehearsed.seconds.source) == (900.0, "rehearsal (a card)")
    (failed,) = lines(tmp_path, part(tmp_path, "clips", "vace_pe", left=10))
    assert failed.seconds.value is None


@pytest.mark.parametrize(("workers", "hours"), [(1, 2.1), (2, 1.1), (4, 0.6), (8, 0.35), (64, 0.35)])  # fmt: skip
def test_workers_share_clips_and_each_loads_the_model(
    tmp_path: Path, workers: int, hours: float
) -> None:
    (line,) = lines(tmp_path, part(tmp_path, "clips", "vace", left=8))
    assert line.hours(workers) == pytest.approx(hours)


def test_a_model_is_loaded_for_the_first_variant_that_is_left(tmp_path: Path) -> None:
    done = part(tmp_path, "clips", "vace", seconds=(900.0,))
    first = part(tmp_path, "clips", "vace_pe", left=4)
    second = part(tmp_path, "clips", "vace_pe_ie", left=4)
    assert [line.loading for line in lines(tmp_path, done, first, second)] == [0.0, 360.0, 0.0]


def test_a_service_is_not_shared_and_has_no_seconds_of_its_stand_in(tmp_path: Path) -> None:
    (unknown,) = lines(tmp_path, part(tmp_path, "face_attributes", left=10))
    assert unknown.seconds.value is None
    (known,) = lines(tmp_path, part(tmp_path, "face_attributes", seconds=(36.0,), left=100))
    assert known.hours(1) == known.hours(8) == pytest.approx(1.0)


def test_a_picture_takes_its_candidates_and_a_clip_its_scorers(tmp_path: Path) -> None:
    drawn, scored = lines(
        tmp_path,
        part(tmp_path, "enhanced_references", left=1),
        part(tmp_path, "clip_scores", "vace", left=1),
    )
    candidates = paper().reference_enhancement.candidates
    assert drawn.seconds.value == 10.5 * candidates and not drawn.unknown
    assert scored.seconds.value == 2.0 and scored.unknown  # other scorers were not rehearsed


def test_dollars_by_clip_by_tokens_of_records_and_of_the_rehearsal(tmp_path: Path) -> None:
    parameters = with_options("hailuo", clip_price=0.5)
    paid = part(tmp_path, "clips", "hailuo", left=10)
    assert [line.cost.dollars for line in lines(tmp_path, paid, parameters=parameters)] == [5.0]
    assert lines(tmp_path, paid)[0].cost.unknown == "price not stated"
    usage = {"requests": 1, "answers": 1, "input_tokens": 1000, "output_tokens": 100, "seconds": 2}
    read = part(tmp_path, "face_attributes", seconds=(1.0, 1.0), left=10, usage=usage)
    (line,) = lines(tmp_path, read)
    assert line.cost.dollars == pytest.approx(10 * (1000 * 2.5 + 100 * 10) / 1e6)
    fresh = [part(tmp_path, "face_attributes", left=1000), part(tmp_path, "rewritten_prompts", left=2000)]  # fmt: skip
    faces, prompts = lines_of(fresh, paper(), Rehearsed.read(rehearsal(tmp_path), "paper"))
    assert faces.cost.dollars == pytest.approx(1.0)  # of 3 for a call each and two
    (unknown,) = lines_of(fresh[:1], paper(), None)
    assert unknown.cost.unknown == "not measured"
    assert prompts.cost.dollars == pytest.approx(4.0)


def test_bytes_by_records_else_as_before_a_run(tmp_path: Path) -> None:
    (usual,) = lines(tmp_path, part(tmp_path, "clips", "vace", left=10))
    assert usual.bytes is not None and usual.bytes > 1e7
    known = part(tmp_path, "clips", "vace", left=10)
    known.folder.commit(Job("x", "mark", None), Result({}), 1.0, Work("", [], lambda t: iter(())))
    record = known.folder.record_of("x")
    known.folder._write_record("x", {**record, "output": {"bytes": 5000}})
    known.kept.append("x")
    assert lines(tmp_path, known)[0].bytes == 50_000


@pytest.mark.parametrize(
    ("facts", "problem"),
    [({"environment": "base"}, "environment base, not of paper"), ({"device": None}, "")],
)
def test_a_rehearsal_of_something_else_is_refused(
    tmp_path: Path, facts: dict[str, Any], problem: str
) -> None:
    file = rehearsal(tmp_path, **facts)
    if problem:
        with pytest.raises(TpigeError, match=problem):
            Rehearsed.read(file, "paper")
    else:
        assert Rehearsed.read(file, "paper").rows


def test_a_rehearsal_of_tiny_networks_and_files_that_are_none_are_refused(tmp_path: Path) -> None:
    file = rehearsal(tmp_path, scale="tiny")
    content = json.loads(file.read_text())
    assert Rehearsed.read(file, "paper")  # the mini models are what they are
    content["rows"][0]["built_gb"] = 0.1
    file.write_text(json.dumps(content))
    with pytest.raises(TpigeError, match="tiny networks"):
        Rehearsed.read(file, "paper")
    for text in ("", "[]", "{}", '{"rows": [{"stage": "a", "colour": 1}]}', "\x00"):
        file.write_text(text)
        with pytest.raises(TpigeError, match=r"name its \.json file, or rehearse again"):
            Rehearsed.read(file, "paper")
    with pytest.raises(TpigeError, match="No such file"):
        Rehearsed.read(tmp_path / "none.json", "paper")


def test_sums_with_something_unknown_are_lower_bounds(tmp_path: Path) -> None:
    known = part(tmp_path, "clips", "vace", seconds=(3600.0,), left=10)
    unknown = part(tmp_path, "clips", "vace_pe_ge", left=10)
    (first, second) = lines(tmp_path, known, unknown)
    text = Plan([first, second], (1, 2)).text()
    total = next(line for line in text.splitlines() if line.startswith("all "))
    assert total.split()[:4] == ["all", "1", "20", "≥"]
    assert "≥ 10.1" in total and "≥ 5.1" in total
    sole = Plan([second], (1,)).text()
    assert "unknown" in next(line for line in sole.splitlines() if line.startswith("all "))
    pairs = Plan([first], (1, 2, 4), gpus_per_worker=2).text()
    row = next(line for line in pairs.splitlines() if line.startswith("clips"))
    assert row.split()[-4:-1] == ["-", "10.1", "5.1"]
