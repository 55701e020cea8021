"""``run_variants``: only some of the variants are made, scored, shown and considered in the selection."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from kedro.pipeline import Pipeline

from tpige_kedro.datasets import ItemFolder
from tpige_kedro.datasets.item_index import read_index
from tpige_kedro.datasets.table import TableDataset
from tpige_kedro.hooks.clips import with_clips
from tpige_kedro.hooks.errors import RunStopped
from tpige_kedro.hooks.narrowing import narrowed_moe
from tpige_kedro.hooks.sweeps import with_sweeps
from tpige_kedro.metrics.columns import SELECTIONS
from tpige_kedro.models import why_skipped
from tpige_kedro.schemas import Parameters, meant

if TYPE_CHECKING:
    from kedro.io import DataCatalog

logger = logging.getLogger(__name__)

BY_VARIANT = ("clips", "clip_scores", "set_score_items")  # item folders; the key begins with it
WITH_VARIANT = ("variant_status", "clip_plan", "all_scores", "set_scores")  # tables
STATISTICS = "statistics"  # cannot be narrowed: it holds what was computed from all


def unfolded(raw: dict[str, Any]) -> dict[str, Any]:
    """The parameters with all variants by name: the clips of ``clips_root``, and each value of a sweep.

    Raises:
        RunStopped: there are no such clips, or a sweep makes no variants.
    """
    raw = with_clips(raw)
    raw, problems = with_sweeps({**raw, "run_variants": listed(raw.get("run_variants"))})
    _stop(problems)
    return raw


def with_choice(raw: dict[str, Any]) -> dict[str, Any]:
    """The parameters of :func:`unfolded` with only those variants that ``run_variants`` names.

    Raises:
        RunStopped: it names none, or one that does not exist.
    """
    chosen, variants = raw.get("run_variants"), raw.get("variants")
    if not isinstance(chosen, list) or not isinstance(variants, dict):
        return raw
    _stop(choice_problems(chosen, list(variants)))
    return narrowed(raw, chosen)


def _stop(problems: Sequence[str]) -> None:
    if problems:
        raise RunStopped("\n".join(["parameters:", *(f"  {p}" for p in problems)]))


def listed(names: object) -> Any:
    """A list of names, also of names with commas between them as the command line gives them.

    >>> listed("vace_pe, vace_pe_ge"), listed(["vace"]), listed(None)
    (['vace_pe', 'vace_pe_ge'], ['vace'], None)
    """
    if isinstance(names, str):
        return [name.strip() for name in names.split(",") if name.strip()]
    return list(names) if isinstance(names, tuple) else names


def choice_problems(chosen: Sequence[Any], variants: Sequence[str]) -> list[str]:
    """What is wrong with ``run_variants``."""
    if not chosen:
        return ["run_variants: the list is empty; name the variants to run, or null for all"]
    unknown = [name for name in dict.fromkeys(map(str, chosen)) if name not in variants]
    return [
        f"run_variants: no variant {name!r} under variants (there are {sorted(variants)}){meant(name, variants)}"
        for name in unknown
    ]


def narrowed(raw: dict[str, Any], chosen: Sequence[str]) -> dict[str, Any]:
    """Only the variants that are ``chosen``; experts, baseline and comparisons of the selection are those among them.

    With fewer than two of the experts there is nothing to choose between, and all chosen variants take part.
    """
    others = [name for name in raw["variants"] if name not in chosen]
    kept = {name: entry for name, entry in raw["variants"].items() if name in chosen}
    changed = {**raw, "variants": kept}
    if isinstance(moe := raw.get("moe"), dict):
        changed["moe"], left_out = narrowed_moe(moe, others, list(kept))
        if left_out:
            logger.info(
                "run_variants: only %s; the selection leaves out %s", ", ".join(kept), left_out
            )
    return changed


def choose_results(pipeline: Pipeline, parameters: Parameters, catalog: DataCatalog) -> None:
    """Let the stages see no results of variants that do not run; their files stay as they are."""
    if parameters.run_variants is None:
        return
    for name in (*BY_VARIANT, *WITH_VARIANT):
        dataset = catalog.get(name)
        if isinstance(dataset, ItemFolder | TableDataset):
            dataset.choose(frozenset(parameters.variants))
    clips = catalog.get("clips")
    if "clips" in pipeline.inputs() and isinstance(clips, ItemFolder) and clips.path.is_dir():
        made = {key.partition("/")[0] for key in read_index(clips.path)}
        ready = [n for n, v in parameters.variants.items() if not why_skipped(v, parameters.models)]
        if absent := [name for name in ready if name not in made]:
            logger.warning(
                "run_variants: the latest run made no clips of %s; kedro run --pipelines=generation_variants makes them",
                ", ".join(absent),
            )


def summary_problems(
    pipeline: Pipeline, parameters: Parameters, catalog: DataCatalog
) -> Iterator[str]:
    """Statistics of an earlier run that hold variants which do not run now: a report would show them."""
    if parameters.run_variants is None or STATISTICS not in pipeline.inputs():
        return
    if not catalog.exists(STATISTICS):
        return  # said by the checks of inputs
    found = dict.fromkeys(catalog.load(STATISTICS)["variant_summary"]["variant"])
    others = [v for v in found if v not in parameters.variants and v not in SELECTIONS]
    if others:
        yield (
            f"run_variants: the statistics on disk were computed with {', '.join(others)} as well; compute them again with "
            "kedro run --pipelines=moe_selection,reporting and the same run_variants"
        )
