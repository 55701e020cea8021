"""A rerun draws what changed, and nothing else."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any, cast

import numpy as np
import pandas as pd
import pytest
from finished_run import OUT, FinishedRun, clip, fill
from PIL import Image

from tpige_kedro.datasets.items import Item, Items
from tpige_kedro.execution.work import Job, Result, Work
from tpige_kedro.metrics.catalog import METRICS
from tpige_kedro.pipelines.reporting import item_nodes, page, sheets, strips
from tpige_kedro.pipelines.reporting.clip_facts import gather_clip_facts
from tpige_kedro.pipelines.reporting.comparison import DeclaredScores
from tpige_kedro.pipelines.reporting.gallery import collect_gallery, read_gallery
from tpige_kedro.pipelines.reporting.item_nodes import (
    cut_strips,
    draw_sample_sheets,
    draw_variant_sheets,
    write_sample_pages,
)
from tpige_kedro.pipelines.reporting.samples import Picture
from tpige_kedro.pipelines.reporting.sheets import Row, Sheet, draw_sheet
from tpige_kedro.schemas import Moe, Reporting, tables

ALL = {"strips": 3, "contact_sheets": 2, "variant_sheets": 2, "sample_pages": 2}
FACTS = {"clip_facts": 2}
TITLED = Reporting(title="A report", setting="Made up.")  # as in the finished run


def test_a_second_run_draws_and_writes_nothing(run: FinishedRun) -> None:
    assert run.drawn() == ALL | FACTS
    before = times(run.root / OUT)
    assert run.drawn() == {}
    assert times(run.root / OUT) == before and len(before) > 20


def times(root: Path) -> dict[str, int]:
    """When each file was written, but for what is only remembered: on a busy machine that settles later."""
    files = (file for file in root.rglob("*") if file.is_file() and file.name != "_seen.json")
    return {str(file): file.stat().st_mtime_ns for file in files}


def test_a_changed_score_redraws_just_what_shows_it(run: FinishedRun) -> None:
    run.report()
    scores = run.inputs["all_scores"].copy()
    changed = (scores["variant"] == "vace") & (scores["sample_id"] == "id2")
    scores.loc[changed, "gme_score"] = 0.71
    run.score(scores)
    assert run.drawn() == {"contact_sheets": 1, "variant_sheets": 1, "sample_pages": 1}
    assert "0.71" in run.made["sample_pages"].load()["id2"].load()
    scores.loc[changed, "gme_score"] += 1e-9  # not seen on a sheet; pages hold every digit
    run.score(scores)
    assert run.drawn() == {"sample_pages": 1}


def test_a_clip_that_was_made_again_redraws_what_shows_it(run: FinishedRun) -> None:
    run.report()
    clips: dict[str, Any] = {
        key: Result(item.path) for key, item in run.given["clips"].load().items()
    }
    fill(run.given["clips"], {**clips, "vace/id1": Result(clip(13))}, mark="other")
    redrawn = run.drawn()
    assert redrawn["contact_sheets"] == redrawn["sample_pages"] == 1
    assert redrawn["strips"] == redrawn["variant_sheets"] == redrawn["clip_facts"] == 1


def test_another_choice_redraws_what_marks_it(run: FinishedRun) -> None:
    run.report()
    selection = run.inputs["selection"].assign(variant=["vace", "vace"])
    expected = {"contact_sheets": 1, "variant_sheets": 2, "sample_pages": 1}
    assert run.drawn(selection=selection) == expected


def test_inputs_of_one_sample_redraw_that_sample(run: FinishedRun) -> None:
    run.report()
    samples = run.inputs["checked_samples"]
    photo = samples.assign(reference_hash=["another", "hash of p2"])
    shown = {"contact_sheets": 1, "variant_sheets": 2, "sample_pages": 1}
    assert run.drawn(checked_samples=photo) == shown
    assert run.drawn() == shown  # and back again
    prompt = samples.assign(prompt=["A cook.", samples["prompt"][1]])
    assert run.drawn(checked_samples=prompt) == {"contact_sheets": 1, "sample_pages": 1}
    run.report()
    enhanced = run.inputs["enhanced_prompts"].copy()
    enhanced.loc[1, "enhanced_prompt"] = "A welder, a young woman, welding."
    assert run.drawn(enhanced_prompts=enhanced) == {"sample_pages": 1}
    run.report()
    picture = Image.new("RGB", (64, 64), "gold")  # as before, judged otherwise
    fill(
        run.given["enhanced_references"],
        {"id1": Result(picture, {"chosen": "original", "similarity": None})},
        mark="judged again",
    )
    assert run.drawn() == {"contact_sheets": 1, "sample_pages": 1}


@pytest.mark.parametrize(
    ("options", "redrawn"),
    [
        ({"frames": 3}, ALL),
        ({"title": "Another"}, {"sample_pages": 2}),
        ({"clip_link": "clips/{variant}/{sample_id}.mp4"}, {"sample_pages": 2}),
        ({"setting": "Otherwise."}, {}),
        ({"published": "beside"}, {}),
    ],
)
def test_options_redraw_what_they_change(
    run: FinishedRun, options: dict[str, Any], redrawn: dict[str, int]
) -> None:
    run.report()
    before = run.texts()
    assert run.drawn(reporting=TITLED.model_copy(update=options)) == redrawn
    assert run.texts() != before


@pytest.mark.parametrize(
    ("module", "redrawn"),
    [
        (strips, {"strips": 3}),  # whose pixels stayed the same
        (sheets, {"contact_sheets": 2, "variant_sheets": 2}),
        (page, {"sample_pages": 2}),
    ],
)
def test_a_new_version_of_the_drawing_code_draws_again(
    run: FinishedRun, monkeypatch: pytest.MonkeyPatch, module: Any, redrawn: dict[str, int]
) -> None:
    run.report()
    monkeypatch.setattr(module, "VERSION", module.VERSION + 1)
    assert run.drawn() == redrawn


def test_another_template_or_style_writes_pages_again(
    run: FinishedRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    run.report()
    read = page._template
    monkeypatch.setattr(page, "_template", lambda name: f"{read(name)} ")
    assert run.drawn() == {"sample_pages": 2}


def test_a_removed_sample_is_neither_linked_nor_loaded(run: FinishedRun) -> None:
    run.report()
    stays = run.inputs["checked_samples"].iloc[1:]
    run.inputs["checked_samples"] = stays
    scores = run.inputs["all_scores"]
    run.score(scores[scores["sample_id"] == "id2"])
    run.report()
    html, data = (
        (run.root / OUT / name).read_text() for name in ("report.html", "gallery_data.js")
    )
    assert "id1" not in html and "id1" not in data and "id2" in data
    for name in ("strips", "contact_sheets", "sample_pages"):
        items = run.made[name].load()
        assert items and not [key for key in items if "id1" in key]
    assert run.tables["sample_overview"].load()["sample_id"].tolist() == ["id2"]


def test_scores_of_a_sample_that_is_not_in_the_list_are_not_drawn(run: FinishedRun) -> None:
    """The list was cut, and only this pipeline ran since."""
    run.inputs["checked_samples"] = run.inputs["checked_samples"].iloc[1:]
    run.report()
    assert list(run.made["strips"].load()) == ["vace/id2"]
    assert list(run.made["variant_sheets"].load()) == ["vace"]


@pytest.mark.parametrize("damage", ["truncated", "exchanged", "deleted", "record"])
def test_damaged_files_are_made_again(run: FinishedRun, damage: str) -> None:
    html = run.report()
    files = ("strips/vace/id1.png", "contact_sheets/id1.png", "variant_sheets/vace.png")
    paths = [run.root / OUT / file for file in (*files, "samples/id1.html")]
    good = [path.read_bytes() for path in paths]
    for path, content in zip(paths, good, strict=True):
        neighbour = next(f for f in sorted(path.parent.glob(f"*{path.suffix}")) if f != path)
        if damage == "truncated":
            path.write_bytes(content[: len(content) // 2])
        elif damage == "exchanged":
            path.write_bytes(neighbour.read_bytes())
        elif damage == "deleted":
            path.unlink()
        else:
            path.with_suffix(".json").write_text("{}")
    assert run.drawn() == dict.fromkeys(ALL, 1)
    assert [path.read_bytes() for path in paths] == good
    assert (run.root / OUT / "report.html").read_text() == html


def test_records_name_the_people_who_are_shown(run: FinishedRun) -> None:
    run.report()
    people = {
        name: {key: item.record()["people"] for key, item in items.load().items()}
        for name, items in run.made.items()
    }
    assert people["strips"] == {"vace/id1": ["p1"], "vace/id2": ["p2"], "vace_pe/id1": ["p1"]}
    assert people["contact_sheets"] == people["sample_pages"] == {"id1": ["p1"], "id2": ["p2"]}
    assert people["variant_sheets"] == {"vace": ["p1", "p2"], "vace_pe": ["p1"]}


def test_the_overview_has_a_row_per_sample_with_the_choice(run: FinishedRun) -> None:
    run.report()
    table = run.tables["sample_overview"].load()
    first = table.iloc[0].to_dict()
    assert first["enhanced_prompt"] == "A <b>chef</b>, an old man, cooks & sings."
    assert first["enhanced_reference"] == "enhanced reference, similarity to the original 0.830"
    assert table["enhanced_reference"][1] == "" and table["variant"].tolist() == ["vace_pe", "vace"]
    assert table["overall"].tolist() == run.inputs["selection"]["overall"].tolist()
    run.report(enhanced_prompts=run.inputs["enhanced_prompts"].head(0))
    assert run.tables["sample_overview"].load()["enhanced_prompt"].tolist() == ["", ""]
    assert list(tables.SAMPLE_OVERVIEW.validate(table).columns) == list(table.columns)


# --- many samples


class Untouched:
    """Stands for files that must not be read to find out what changed."""

    def path_of(self, key: str) -> Any:
        raise AssertionError(key)

    load_item = record_of = path_of


def many(count: int) -> dict[str, Any]:
    """Inputs of the item nodes for ``count`` samples and six variants, of which nothing is on the disk."""
    ids = [f"s{i:04}" for i in range(count)]
    names = [f"v{i}" for i in range(6)]
    scores = pd.DataFrame({"sample_id": ids * 6, "variant": sorted(names * count)})
    metrics = ("gme_score", "clip_score", "cur_score", "arc_score", "motion_smoothness")
    for metric in (*metrics, "imaging_quality", "face_feature_sqdist", "overall", "face_rate"):
        scores[metric] = [i / 1000 for i in range(len(scores))]
        scores[f"{metric}_reason"] = pd.Series([None] * len(scores), dtype=object)

    def items(keys: list[str]) -> Items:
        return Items({key: Item(key, f"content of {key}", Untouched()) for key in keys}, {})

    texts = {"prompt": "A chef cooks. " * 20, "enhanced_prompt": "A chef, old, cooks. " * 20}
    overview = pd.DataFrame({"sample_id": ids, "person_id": ids, **texts})
    overview = overview.assign(reference="p.jpg", reference_hash=ids, enhanced_reference="label")
    overview = overview.assign(variant="v1", overall=0.5, reason=None)
    keys = [f"{v}/{s}" for v in names for s in ids]
    return {
        "sample_overview": overview,
        "references": {"p.jpg": Untouched().load_item},
        "enhanced_references": items(ids),
        "strips": items(keys),
        "clips": items(keys),
        "all_scores": scores,
        "declared_scores": DeclaredScores(scores, METRICS),
        "reporting": Reporting(),
    }


COUNTS = {"cut_strips": 6000, "draw_variant_sheets": 6, "gather_clip_facts": 6}


@pytest.mark.parametrize(
    "node",
    [
        cut_strips,
        draw_sample_sheets,
        draw_variant_sheets,
        gather_clip_facts,
        write_sample_pages,
    ],
)
def test_what_is_to_draw_is_known_in_no_time(node: Any) -> None:
    inputs = many(1000)
    names = node.__code__.co_varnames[: node.__code__.co_argcount]
    seconds = []
    for _ in range(3):
        start = time.process_time()
        work: Work = node(**{name: inputs[name] for name in names})
        seconds.append(time.process_time() - start)
    jobs: list[Job] = list(work.jobs)
    assert len(jobs) == COUNTS.get(node.__name__, 1000)
    assert len({job.fingerprint for job in jobs}) == len(jobs)
    assert min(seconds) < 1.0, "0.1 to 0.2 on an idle core"


def test_a_large_sheet_names_only_the_people_on_it() -> None:
    inputs = many(30)
    work = draw_variant_sheets(
        *(inputs[n] for n in ("sample_overview", "references", "strips", "declared_scores")),
        Reporting(),
    )
    assert work.jobs[0].people == tuple(f"s{i:04}" for i in range(item_nodes.LARGEST_SHEET))
    assert work.jobs[0].request.text == "24 of 30 samples"


def test_the_data_of_a_large_gallery_is_collected_fast() -> None:
    inputs = many(1000)
    ids, variants = inputs["sample_overview"]["sample_id"], [f"v{i}" for i in range(6)]
    clips = {s: {"seconds": 1.0, "seed": "4882878774870356324"} for s in ids}

    class Facts:
        def load_item(self, key: str) -> Any:
            return {"shared": {"device": "cpu"}, "clips": clips}

    facts = {v: Item(v, v, cast(Any, Facts())) for v in variants}
    status = pd.DataFrame({"variant": variants, "description": ""})
    seconds = []
    for _ in range(3):
        start = time.process_time()
        text = collect_gallery(
            inputs["sample_overview"],
            inputs["declared_scores"],
            facts,
            status,
            Moe(experts=variants),
            Reporting(),
        )
        seconds.append(time.process_time() - start)
    assert min(seconds) < 0.5, "0.1 on an idle core"
    found = read_gallery(text)
    assert len(found["samples"]) == 1000 and len(found["scores"]) == 6
    assert len(text) < 3_000_000


# --- versions; those of strips and pictures in pages are pinned in tests/makers


def test_sheets_that_come_out_differently_need_a_new_version() -> None:
    """If this fails: raise ``VERSION`` in ``sheets.py``, so that reruns draw again, and put the new numbers here."""
    strip = strips.make_strip([Image.new("RGB", (800, 480), (i * 60, 9, 99)) for i in range(4)])
    shown = Picture("", lambda: strip)
    row = Row("vace", "Overall 0.613 – ok", shown, chosen=True, reference=shown)
    sheet = draw_sheet(Sheet("A title", "A chef, an old man, cooks.", [("photo", shown)], [row]))
    means = np.asarray(sheet.convert("L").resize((8, 4), Image.Resampling.BOX)).astype(int)
    assert sheet.size == SIZE
    assert abs(means - MEANS).max() <= 1, means.tolist()


SIZE = (2312, 322)
MEANS = [
    [247, 255, 255, 255, 255, 255, 255, 255],
    [185, 79, 94, 109, 102, 87, 102, 130],
    [228, 21, 41, 61, 51, 31, 51, 89],
    [249, 226, 231, 233, 232, 230, 232, 236],
]
