"""``kedro run --pipelines=reporting`` after ``--pipelines=evaluate``: the report of clips that were made elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kedro.framework.hooks import hook_impl
from kedro.pipeline import Pipeline

from tpige_kedro.datasets.table import TableDataset

if TYPE_CHECKING:
    from kedro.io import DataCatalog

SAMPLES, EVALUATED, PROMPTS = "checked_samples", "evaluated_samples", "enhanced_prompts"
COLUMNS = ["sample_id", "person_id", "prompt", "enhanced_prompt", "clause", "source", "note"]
MADE_FROM_THEM = {"clips", "clip_scores", "enhanced_references", "checked_samples"}


class EvaluatedHooks:
    """Lets an evaluation do without enhanced prompts, and a report alone read its samples, which need no consent: nothing is made from them."""

    @hook_impl
    def before_pipeline_run(self, pipeline: Pipeline, catalog: DataCatalog) -> None:
        """Put the samples of the evaluation where the report looks for those of a full run, if there are none; the prompts may be absent."""
        made = pipeline.all_outputs()
        if EVALUATED in made:
            prompts_may_be_absent(catalog)
        if "report" not in made or made & MADE_FROM_THEM or catalog.exists(SAMPLES):
            return
        if catalog.exists(EVALUATED):
            catalog[SAMPLES] = catalog.get(EVALUATED)
            prompts_may_be_absent(catalog)


def prompts_may_be_absent(catalog: DataCatalog) -> None:
    """Where no enhanced prompts were written, the table is an empty one."""
    prompts = catalog.get(PROMPTS)
    if isinstance(prompts, TableDataset):
        prompts.or_empty(COLUMNS)
