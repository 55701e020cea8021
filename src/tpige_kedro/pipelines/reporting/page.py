"""The report as one HTML page: the template, its style sheet, and what they are given."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from importlib.resources import files
from typing import Any

from tpige_kedro.metrics.catalog import BESIDE_THE_PAPER
from tpige_kedro.metrics.columns import HELD_OUT, MOE
from tpige_kedro.metrics.protocol import MetricSpec
from tpige_kedro.pipelines.reporting.numbers import FILTERS, spread
from tpige_kedro.pipelines.reporting.paper_tables import PaperTable
from tpige_kedro.pipelines.reporting.plot import Panel
from tpige_kedro.pipelines.reporting.samples import SampleView
from tpige_kedro.pipelines.reporting.tables import TITLES, DifferenceRow, TableRow
from tpige_kedro.schemas import ModelSpec, Moe, Reporting


@dataclass(frozen=True)
class Page:
    """Everything that the template shows."""

    reporting: Reporting
    seed: int
    moe: Moe
    models: Mapping[str, ModelSpec]
    metrics: Sequence[MetricSpec]
    rows: Sequence[TableRow]
    panels: Sequence[Panel]
    differences: Sequence[DifferenceRow]
    paper: Sequence[PaperTable]
    wins: Sequence[Mapping[Any, Any]]
    samples: Sequence[SampleView]
    further: Sequence[
        tuple[str, str]
    ]  # samples that are only linked: id, link to the contact sheet
    sample_count: int
    clip_count: int
    failures: Sequence[Mapping[Any, Any]]
    checks: Sequence[Mapping[Any, Any]]  # on prompts: how often each fired and what came of it
    sources: Mapping[str, int]  # how many enhanced prompts are whose text

    @property
    def best(self) -> TableRow | None:
        """The variant with the best overall score."""
        best = [row for row in self.rows if "overall" in row.cells and row.cells["overall"].best]
        return best[0] if best else None

    @property
    def published(self) -> list[MetricSpec]:
        """The metrics of the paper's tables, and those that the catalogue does not know."""
        further = {spec.name for spec in BESIDE_THE_PAPER}
        return [metric for metric in self.metrics if metric.name not in further]

    @property
    def beside(self) -> list[MetricSpec]:
        """What we measure beside the published metrics."""
        return [spec for spec in BESIDE_THE_PAPER if spec in self.metrics]

    @property
    def selection(self) -> TableRow | None:
        """The row of the selection."""
        return next((row for row in self.rows if row.name == MOE), None)


GAP, TITLE, COLUMNS = (
    16,
    22,
    3,
)  # of the picture of all panels: units between, above each, panels a row


def templates() -> Any:
    """The templates, with the filters for numbers; everything that they print is escaped."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    found = Environment(
        loader=PackageLoader(__package__, "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.filters |= FILTERS
    found.globals |= {"spread": spread, "selection_rows": (MOE, HELD_OUT), "titles": TITLES}
    return found


def render(page: Page) -> str:
    """The page as HTML."""
    style = files(__package__).joinpath("templates", "report.css").read_text(encoding="utf-8")
    computed = ("best", "selection", "published", "beside")
    values = {name: getattr(page, name) for name in (*(f.name for f in fields(page)), *computed)}
    return str(templates().get_template("report.html").render(**values, style=style))


def render_means(panels: Sequence[Panel]) -> str:
    """All panels in one SVG picture, three in a row."""
    height = max((panel.height for panel in panels), default=0) + TITLE + GAP
    placed = [
        (GAP + (i % COLUMNS) * (panel.width + GAP), TITLE + GAP + (i // COLUMNS) * height, panel)
        for i, panel in enumerate(panels)
    ]
    size = {
        "width": GAP + COLUMNS * ((panels[0].width if panels else 0) + GAP),
        "height": GAP + -(-len(panels) // COLUMNS) * height,
    }
    return str(templates().get_template("means.svg").render(placed=placed, **size))
