"""The cells of the report's tables: what is tinted, which way is better, and what the tooltip says, each by itself."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tpige_kedro.metrics.declared import spec_of
from tpige_kedro.pipelines.reporting.page import templates
from tpige_kedro.pipelines.reporting.tables import Cell, Difference, DifferenceRow

ROW = DifferenceRow("a", "b", {})


def shown(macro: str, **values: Any) -> str:
    call = f'{{% import "macros.html" as show %}}{{{{ show.{macro}({", ".join(values)}) }}}}'
    return str(templates().from_string(call).render(**values))


def attribute(html: str, name: str) -> str:
    (found,) = re.findall(rf'\b{name}="([^"]*)"', html)
    return str(found)


def difference(good: bool | None, sure: bool, value: float = 0.1, p: float = 0.02) -> str:
    cell = Difference(value, value - 0.05, value + 0.05, 8, p, 0.04 if sure else 0.4, good, sure)
    return shown("difference_cell", cell=cell, row=ROW, metric=spec_of("gme_score"))


@pytest.mark.parametrize(
    ("good", "sure", "value", "classes"),
    [
        (True, True, 0.1, "difference sure"),
        (True, True, -0.1, "difference sure"),  # lower is better
        (False, True, -0.1, "difference sure worse"),
        (False, True, 0.1, "difference sure worse"),  # lower is better
        (True, False, 0.1, "difference"),
        (False, False, -0.1, "difference"),
        (None, True, -0.1, "difference sure"),
    ],
)
def test_what_is_sure_is_tinted_by_what_it_means(
    good: bool | None, sure: bool, value: float, classes: str
) -> None:
    assert attribute(difference(good, sure, value), "class") == classes


@pytest.mark.parametrize(
    ("good", "words"),
    [(True, "better"), (False, "worse"), (None, "neither direction is better")],
)
def test_the_tooltip_says_n_p_before_correction_and_what_the_sign_means(
    good: bool | None, words: str
) -> None:
    html = difference(good, sure=False, p=0.03)
    assert attribute(html, "title") == f"n = 8; p = 0.030 before correction; {words}"
    assert "<small>p = 0.40</small>" in html, "in print stands the corrected one"
    numbers = {name: attribute(html, name) for name in ("data-p", "data-p-holm", "data-low")}
    assert numbers == {"data-p": "0.03", "data-p-holm": "0.4", "data-low": "0.05"}
    assert attribute(html, "data-variant") == "a" and attribute(html, "data-against") == "b"


@pytest.mark.parametrize(
    ("metric", "arrow"), [("gme_score", "↑"), ("flicker", "↓"), ("made_up", "")]
)
def test_an_arrow_says_which_way_is_better(metric: str, arrow: str) -> None:
    html = shown("head", metrics=[spec_of(metric)])
    assert "".join(re.findall("[↑↓]", html)) == arrow
    assert attribute(html, "title") == spec_of(metric).source


@pytest.mark.parametrize(
    ("changes", "classes", "title", "in_print"),
    [
        ({}, "mean", "n = 8", 0),
        ({"best": True}, "mean best", "n = 8", 0),
        (
            {"best": True, "basis": 4},
            "mean best",
            "n = 8; best by the 4 samples that all variants have",
            0,
        ),
        ({"of": 10}, "mean", "n = 8", 1),
    ],
)
def test_a_mean_says_what_it_goes_over(
    changes: dict[str, Any], classes: str, title: str, in_print: int
) -> None:
    cell = Cell(**{"mean": 0.5, "low": 0.4, "high": 0.6, "n": 8, "of": 8, **changes})
    html = shown("mean_cell", cell=cell, variant="a", metric=spec_of("gme_score"))
    assert (attribute(html, "class"), attribute(html, "title")) == (classes, title)
    assert html.count("<small>n = 8</small>") == in_print
    assert "<b>0.500</b><small>[0.400, 0.600]</small>" in html
    assert attribute(html, "data-low") == "0.4" and attribute(html, "data-high") == "0.6"
