"""The gallery: one page that shows samples x variants, and the data beside it, which the pages of samples use too."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import orjson
import pandas as pd

from tpige_kedro.datasets.items import Item
from tpige_kedro.metrics.protocol import MetricSpec
from tpige_kedro.pipelines.reporting.clip_facts import making_of
from tpige_kedro.pipelines.reporting.comparison import DeclaredScores
from tpige_kedro.pipelines.reporting.page import render
from tpige_kedro.pipelines.reporting.samples import text_of
from tpige_kedro.pipelines.reporting.scores import clip_specs, score_rows, why_unscored
from tpige_kedro.schemas import Moe, Reporting

OPENING, CLOSING = "window.galleryData = ", ";\n"
STRIP_LINK = "strips/{variant}/{sample_id}.png"


def write_gallery(
    sample_overview: pd.DataFrame,
    declared_scores: DeclaredScores,
    clip_facts: Mapping[str, Item],
    variant_status: pd.DataFrame,
    moe: Moe,
    reporting: Reporting,
) -> dict[str, str]:
    """The page, and beside it what it shows, by the names of their files."""
    given = (sample_overview, declared_scores, clip_facts, variant_status, moe, reporting)
    return {"gallery.html": gallery_page(reporting), "gallery_data.js": collect_gallery(*given)}


def gallery_page(reporting: Reporting) -> str:
    """The page without its data."""
    return render("gallery.html", title=reporting.title, setting=reporting.setting)


def collect_gallery(
    sample_overview: pd.DataFrame,
    declared_scores: DeclaredScores,
    clip_facts: Mapping[str, Item],
    variant_status: pd.DataFrame,
    moe: Moe,
    reporting: Reporting,
) -> str:
    """Texts, scores and facts of all samples as a script: a page that was opened from disk may load no JSON."""
    specs = clip_specs(*declared_scores)
    facts = {variant: item.load() for variant, item in clip_facts.items()}
    scored, why = _scores(declared_scores, sample_overview["sample_id"].tolist())
    content = {
        "title": reporting.title,
        "links": {
            "clip": reporting.clip_link,
            "strip": STRIP_LINK,
            "page": reporting.page_link,
        },
        "frames": reporting.frames,
        "metrics": [_metric(spec) for spec in specs],
        "variants": _variants(scored, variant_status, facts, moe),
        "samples": _samples(sample_overview),
        "scores": scored,
        "why": why,
        "facts": facts,
    }
    options = orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_NON_STR_KEYS
    return f"{OPENING}{orjson.dumps(content, option=options).decode()}{CLOSING}"


def read_gallery(text: str) -> dict[str, Any]:
    """The data out of the script. Raises ``ValueError`` if it is not one of ours.

    >>> read_gallery('window.galleryData = {"samples": []};')
    {'samples': []}
    """
    if not text.startswith(OPENING):
        raise ValueError("it is not the data of a gallery")
    found = orjson.loads(text[len(OPENING) :].rstrip().removesuffix(";"))
    if not isinstance(found, dict):
        raise ValueError("it is not the data of a gallery")
    return found


def _metric(spec: MetricSpec) -> dict[str, str]:
    return {
        "name": spec.name,
        "title": spec.title,
        "better": spec.better,
        "source": spec.source,
    }


def _samples(overview: pd.DataFrame) -> list[list[str]]:
    """Per sample its id, person, prompts, the chosen variant, and why nothing was chosen."""
    columns = ["sample_id", "person_id", "prompt", "enhanced_prompt", "variant", "reason"]
    lines = overview[columns].itertuples(index=False, name=None)
    return [[text_of(value) for value in line] for line in lines]


def _scores(
    scores: DeclaredScores, samples: list[str]
) -> tuple[dict[str, list[Any]], dict[str, dict[int, str]]]:
    """Per variant the values of each sample in the order of the metrics (None: no score), and why a clip has none."""
    place = {sample: i for i, sample in enumerate(samples)}
    found: dict[str, list[Any]] = {}
    why: dict[str, dict[int, str]] = {}
    for row in score_rows(*scores):
        if row.sample_id not in place:
            continue
        line = found.setdefault(row.variant, [None] * len(samples))
        if row.is_scored:
            line[place[row.sample_id]] = row.values
        else:
            why.setdefault(row.variant, {})[place[row.sample_id]] = why_unscored(row)
    return found, why


def _variants(
    scored: Mapping[str, Any], status: pd.DataFrame, facts: Mapping[str, Any], moe: Moe
) -> list[dict[str, Any]]:
    """The variants that have a column, in the order of the scores, and how their clips were made."""
    texts = dict(zip(status["variant"], status["description"], strict=True))
    lines = []
    for name in scored:
        made = making_of(name, facts[name]) if name in facts else None
        lines.append(
            {
                "name": name,
                "description": text_of(texts.get(name)),
                "expert": name in moe.experts,
                "seconds": made.seconds if made and np.isfinite(made.seconds) else None,
                "device": made.device if made else "",
                "commit": made.commit if made else "",
                "made": made.made if made else "",
            }
        )
    return lines
