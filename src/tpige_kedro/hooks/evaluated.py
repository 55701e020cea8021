"""``kedro run --pipelines=reporting`` after ``--pipelines=evaluate``: the report of clips that were made elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kedro.framework.hooks import hook_impl
from kedro.pipeline import Pipeline

if TYPE_CHECKING:
    from kedro.io import DataCatalog

SAME = {"checked_samples": "evaluated_samples", "enhanced_prompts": "known_enhanced_prompts"}
MADE_FROM_THEM = {"clips", "clip_scores", "enhanced_references", "checked_samples"}


class EvaluatedHooks:
    """Lets a report alone read the samples of an evaluation, which needs no consent: nothing is made from them."""

    @hook_impl
    def before_pipeline_run(self, pipeline: Pipeline, catalog: DataCatalog) -> None:
        """Put the tables of the evaluation where the report looks for those of a full run, if there are none."""
        made = pipeline.all_outputs()
        if "report" not in made or made & MADE_FROM_THEM or catalog.exists("checked_samples"):
            return
        if catalog.exists("evaluated_samples"):
            for name, evaluated in SAME.items():
                catalog[name] = catalog.get(evaluated)
