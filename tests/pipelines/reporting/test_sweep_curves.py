"""The curves of sweeps: which points are drawn over which samples, and when they are drawn again."""

from __future__ import annotations

import math
import xml.etree.ElementTree as ET
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
import pytest
from finished_run import MOE, FinishedRun

from tpige_kedro.hooks.sweeps import with_sweeps
from tpige_kedro.metrics.declared import spec_of
from tpige_kedro.metrics.protocol import MetricSpec
from tpige_kedro.pipelines.reporting.comparison import DeclaredScores
from tpige_kedro.pipelines.reporting.sweep_nodes import draw_sweeps
from tpige_kedro.pipelines.reporting.sweep_panels import is_logarithmic, x_axis, x_ticks
from tpige_kedro.pipelines.reporting.sweeps import metric_curves, sweeps_of
from tpige_kedro.schemas import Moe, SweepPoint, Variant

TEN = [round(i / 9, 3) for i in range(10)]
SVG = "{http://www.w3.org/2000/svg}"
LOWER = MetricSpec("odd", "An odd one", 0, 10, "lower", "a test")


def swept(guidance: dict[str, Any]) -> dict[str, Variant]:
    raw = {
        "variants": {
            "plain": {"generator": "wan"},
            "ours": {"generator": "wan", "guidance": guidance},
        }
    }
    changed, problems = with_sweeps(raw)
    assert problems == []
    return {name: Variant.model_validate(entry) for name, entry in changed["variants"].items()}


def scores(variants: Any, samples: int = 6, missing: Any = (), **metrics: Any) -> pd.DataFrame:
    """Overall grows with the place of the variant; ``missing`` are (place, sample) pairs without a value."""
    rows = [
        {
            "sample_id": f"s{s}",
            "variant": variant,
            "overall": math.nan if (i, s) in missing else i + s / 10,
            **{name: float(value) for name, value in metrics.items()},
        }
        for i, variant in enumerate(variants)
        for s in range(samples)
    ]
    return pd.DataFrame(rows)


def pictures(work: Any) -> dict[str, ET.Element]:
    return {job.key: ET.fromstring(made.output) for job, made in work.produce(list(work.jobs))}


def drawn(table: pd.DataFrame, variants: dict[str, Variant], moe: Moe = MOE, declared: Any = None) -> dict[str, ET.Element]:  # fmt: skip
    known = {"overall": spec_of("overall", {}), **(declared or {})}
    return pictures(draw_sweeps(DeclaredScores(table, known), variants, moe, 0))


def panels(picture: ET.Element) -> dict[str, ET.Element]:
    return {
        g.attrib["data-metric"]: g for g in picture.iter(f"{SVG}g") if "data-metric" in g.attrib
    }


def circles(panel: ET.Element) -> list[dict[str, str]]:
    return [c.attrib for c in panel.iter(f"{SVG}circle") if "data-variant" in c.attrib]


def text_of(element: ET.Element) -> str:
    return " ".join(" ".join(element.itertext()).split())


def test_ten_values_are_one_picture_with_a_curve_per_metric() -> None:
    variants = swept({"identity_weight": TEN})
    moe = Moe(experts=("plain",), baseline="plain", resamples=200)
    table = scores(variants, odd=3)
    picture = drawn(table, variants, moe, {"odd": LOWER})["ours"]
    found = panels(picture)
    assert list(found) == ["overall", "odd"]  # Overall first
    points = circles(found["overall"])
    assert [p["data-variant"] for p in points] == [v for v in variants if v != "plain"]
    assert [float(p["data-mean"]) for p in points] == pytest.approx(
        [i + 0.25 for i in range(1, 11)]
    )
    across, down = ([float(p[axis]) for p in points] for axis in ("cx", "cy"))
    assert across == sorted(across) and len(set(across)) == 10
    assert down == sorted(down, reverse=True)  # larger is higher up
    assert np.allclose(np.diff(across), np.diff(across)[0], atol=0.5)  # to scale
    assert all(float(p["data-low"]) < float(p["data-mean"]) < float(p["data-high"]) for p in points)
    dashed = [e for e in found["overall"].iter(f"{SVG}line") if e.get("class") == "baseline"]
    assert len(dashed) == 1 and float(dashed[0].attrib["y1"]) > down[0]  # plain scores lower
    assert "(lower is better)" in text_of(found["odd"]) and "n = 6" in text_of(found["odd"])
    assert "identity_weight" in text_of(picture) and "95 % bootstrap" in text_of(picture)


def test_only_samples_that_all_points_have_count() -> None:
    variants = swept({"identity_weight": [0, 0.5, 1]})
    moe = Moe(experts=("plain",), baseline="plain", resamples=200)
    # the best sample is missing where the value is highest, the worst one of the baseline
    table = scores(variants, missing={(3, 5), (0, 0)})
    (curve,) = metric_curves(sweeps_of(variants, "plain")[0], table, {}, moe, 0)
    assert (curve.samples, curve.of, curve.absent) == (4, 6, [])
    assert {i.n for i in [*curve.points.values(), curve.baseline]} == {4}
    means = [i.mean for i in curve.points.values()]
    assert means == pytest.approx([1.25, 2.25, 3.25])  # of samples 1 to 4
    assert "n = 4 of 6" in text_of(panels(drawn(table, variants, moe)["ours"])["overall"])


def test_a_point_without_values_is_named_and_takes_no_samples_from_the_others() -> None:
    variants = swept({"identity_weight": [0, 0.5, 1]})
    table = scores(variants, missing={(2, s) for s in range(6)})
    panel = panels(drawn(table, variants)["ours"])["overall"]
    assert len(circles(panel)) == 2 and "no values: ours_identity_weight_0p5" in text_of(panel)
    nothing_shared = {(i, s) for i in (1, 2, 3) for s in range(6) if s % 3 != i - 1}
    panel = panels(drawn(scores(variants, missing=nothing_shared), variants)["ours"])["overall"]
    assert circles(panel) == [] and "nothing can be compared" in text_of(panel)


def test_two_swept_keys_give_a_curve_for_each_value_of_the_shorter_one() -> None:
    variants = swept({"text_weight": [1, 5], "identity_weight": [0, 0.5, 1]})
    (sweep,) = sweeps_of(variants, None)
    assert sweep.key == "identity_weight" and list(sweep.series) == [
        "text_weight 1",
        "text_weight 5",
    ]
    picture = drawn(scores(variants), variants)["ours"]
    assert len([*panels(picture)["overall"].iter(f"{SVG}polyline")]) == 2
    assert "text_weight 1 text_weight 5" in text_of(picture)  # the legend
    assert len(circles(panels(picture)["overall"])) == 6


@pytest.mark.parametrize(
    ("guidance", "key", "labels"),
    [
        ({"weak_branch": ["as_published", "t2v"]}, "weak_branch", ["as published", "t2v"]),
        ({"skip_layers": [[], [7], [7, 9]]}, "skip_layers", ["none", "7", "7, 9"]),
        ({"text_weight": [1, 5], "weak_branch": ["t2v", "aligned", "as_published"]}, "text_weight", ["1", "5"]),
        ({"text_weight": [1], "weak_branch": ["t2v", "aligned"]}, "weak_branch", ["t2v", "aligned"]),
        ({"identity_schedule": {"start": [0.5, 0]}}, "identity_schedule.start", ["0", "0.5"]),
    ],
)  # fmt: skip
def test_every_kind_of_value_has_an_axis(guidance: Any, key: str, labels: list[str]) -> None:
    variants = swept(guidance)
    (sweep,) = sweeps_of(variants, None)
    assert sweep.key == key
    picture = drawn(scores(variants), variants)["ours"]
    panel = panels(picture)["overall"]
    assert all(label in text_of(panel) for label in labels)
    joined = [*panel.iter(f"{SVG}polyline")]
    assert bool(joined) == (key not in ("weak_branch", "skip_layers"))  # nothing between two words


def test_far_apart_values_have_a_logarithmic_axis() -> None:
    values = [0.01, 0.1, 1.0, 10.0]
    assert is_logarithmic(values) and not is_logarithmic([0, *values])
    assert np.allclose(np.diff([x_axis(values)(v) for v in values]), 78.67, atol=0.1)
    variants = swept({"text_weight": values})
    assert "text_weight (logarithmic)" in text_of(drawn(scores(variants), variants)["ours"])


def test_labels_never_overlap() -> None:
    places = [(60 + 3 * i, f"{i / 100:g}") for i in range(90)]
    shown = [(x, text, row) for x, text, row in x_ticks(places) if text]
    for row in (0, 1):
        ends = [(x - 3.1 * len(t), x + 3.1 * len(t)) for x, t, r in shown if r == row]
        assert all(a[1] < b[0] for a, b in pairwise(ends)) and len(ends) > 5


def test_one_point_or_no_scores_are_no_curve() -> None:
    assert drawn(scores(["plain"]), swept({"identity_weight": [0.5]})) == {}
    assert drawn(scores(["plain"]), swept({"identity_weight": [0, 0.5]})) == {}
    assert drawn(scores(["plain"]), {"plain": Variant(generator="wan")}) == {}


def test_names_are_escaped() -> None:
    variants = swept({"identity_weight": [0, 0.5]})
    odd = MetricSpec("odd", "<b>&", 0, 1, "neither", "a test")
    picture = drawn(scores(variants, odd=1), variants, MOE, {"odd": odd})["ours"]
    assert "<b>& (no direction is better)" in text_of(panels(picture)["odd"])


def test_the_report_shows_the_curve_and_a_rerun_draws_nothing(run: FinishedRun) -> None:
    assert 'id="sweeps"' not in run.report()
    table = run.inputs["all_scores"]
    known = run.inputs["params:variants"]
    run.inputs["params:variants"] = {
        name: known[name].model_copy(
            update={"sweep": SweepPoint(name="ours", values={"identity_weight": value})}
        )
        for name, value in (("vace", 0.0), ("vace_pe", 0.5))
    }
    assert run.drawn()["sweep_curves"] == 1
    page = run.report()
    assert 'id="sweeps"' in page and page.count('data-sweep="ours"') == 1
    assert run.drawn() == {}
    table = table.assign(overall=table["overall"] + 0.1)
    run.score(table)
    assert run.drawn()["sweep_curves"] == 1
    assert run.drawn(seed=8).get("sweep_curves") == 1
