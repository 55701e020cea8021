"""HTML and SVG from the templates: the page of a sample, the parts of the report, the plot of the means."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from functools import cache
from importlib.resources import files
from typing import Any, NamedTuple

from tpige_kedro.execution.work import fingerprint
from tpige_kedro.metrics.columns import HELD_OUT, MOE
from tpige_kedro.metrics.protocol import MetricSpec
from tpige_kedro.pipelines.reporting.added_text import added_text
from tpige_kedro.pipelines.reporting.numbers import FILTERS, spread
from tpige_kedro.pipelines.reporting.paper_tables import VOTED
from tpige_kedro.pipelines.reporting.plot import Panel
from tpige_kedro.pipelines.reporting.samples import ClipView, SampleView
from tpige_kedro.pipelines.reporting.scores import ranks
from tpige_kedro.pipelines.reporting.strips import data_uri, side_by_side, split_strip
from tpige_kedro.pipelines.reporting.tables import TITLES
from tpige_kedro.schemas import Reporting

VERSION = 2  # raise it when pages come out differently from the same templates: they are then written again
SCRIPTS = ("elements", "clock", "state", "model", "order", "compare", "making", "sample")
OF_PAGES = (
    "sample_page.html",
    "article.html",
    "moved.html",
    "report.css",
    "gallery.css",
    *(f"js/{name}.js" for name in SCRIPTS),
)
FRAME_HEIGHT, REFERENCE_HEIGHT = 160, 320  # pixels at most, inside a page
GAP, TITLE, COLUMNS = 16, 22, 3  # of the plot: units between panels, above each; panels a row


class ClipPictures(NamedTuple):
    """The pictures of a clip as data URIs: its frames in a row, and the first one for the player, whose width is ``shape`` heights."""

    frames: str
    poster: str
    shape: float


@cache
def templates() -> Any:
    """The templates, with the filters for numbers; everything that they print is escaped."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    found = Environment(
        loader=PackageLoader(__package__, "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    found.filters |= FILTERS
    names = {"spread": spread, "selection_rows": (MOE, HELD_OUT), "titles": TITLES, "voted": VOTED}
    styles = {"style": _template("report.css"), "gallery_style": _template("gallery.css")}
    found.globals |= names | styles | {"script": lambda name: _template(f"js/{name}.js")}
    return found


def render(template: str, **values: Any) -> str:
    """A template filled in."""
    return str(templates().get_template(template).render(**values))


def frame_mark(reporting: Reporting, metrics: Iterable[MetricSpec]) -> str:
    """A fingerprint of what all pages of samples have in common: templates, style, title, what the metrics are called."""
    specs = [(s.name, s.title, s.better, s.source) for s in metrics]
    drawing = hashlib.sha256("\0".join(_template(name) for name in OF_PAGES).encode()).hexdigest()
    options = (reporting.title, reporting.frames)
    return fingerprint(version=VERSION, templates=drawing, metrics=specs, options=options)


def sample_mark(view: SampleView, frame: str) -> str:
    """A fingerprint of everything on the page of a sample; ``frame`` is what it has in common with others. Loads no picture."""
    clips = [
        (clip.row.variant, clip.row.values, clip.row.reasons, clip.chosen, clip.link)
        for clip in view.clips
    ]
    return fingerprint(
        frame=frame,
        texts=(view.sample_id, view.prompt, view.enhanced_prompt, view.reason),
        references=[(label, picture.mark) for label, picture in view.references],
        clips=clips,
        strips=[clip.strip and clip.strip.mark for clip in view.clips],
        absent=view.absent,
    )


def render_sample(view: SampleView, reporting: Reporting) -> str:
    """The page of one sample; its links are relative to the folder above, as those of the report."""
    references = [
        (label, data_uri(picture.load(), REFERENCE_HEIGHT)) for label, picture in view.references
    ]
    return render(
        "sample_page.html",
        title=reporting.title,
        sample=view,
        enhanced=added_text(view.prompt, view.enhanced_prompt) if view.enhanced_prompt else (),
        references=references,
        pictures={clip.row.variant: _clip_pictures(clip, reporting.frames) for clip in view.clips},
        ranks=ranks([clip.row for clip in view.clips]),
    )


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
    return render("means.svg", placed=placed, **size)


def _clip_pictures(clip: ClipView, frames: int) -> ClipPictures | None:
    if clip.strip is None:
        return None
    pictures = split_strip(clip.strip.load(), frames)
    return ClipPictures(
        frames=data_uri(side_by_side(pictures, gap=1), FRAME_HEIGHT),
        poster=data_uri(pictures[0], FRAME_HEIGHT),
        shape=round(pictures[0].width / pictures[0].height, 4),
    )


def _template(name: str) -> str:
    return files(__package__).joinpath("templates", name).read_text(encoding="utf-8")
