"""Files of people who are no longer in the samples, or refused: the run says that they are still there."""

from __future__ import annotations

import logging
import shlex
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from kedro.framework.hooks import hook_impl
from kedro.pipeline import Pipeline

from tpige_kedro.datasets import ItemFolder
from tpige_kedro.files.seal import Damaged, open_sealed
from tpige_kedro.hooks.lock import data_root_of

if TYPE_CHECKING:
    from kedro.framework.context import KedroContext
    from kedro.io import DataCatalog

logger = logging.getLogger(__name__)

SHOWN = 5  # people named one by one
CHECKED = ("checked_samples", "evaluated_samples")


class LeftoverHooks:
    """Looks at the item folders that a run wrote to, when it has ended well."""

    @hook_impl
    def after_context_created(self, context: KedroContext) -> None:
        """Note where results are, and whether the run used only part of the samples."""
        self.data_root = data_root_of(context)
        globals_ = context.config_loader["globals"]
        runtime = context.config_loader.runtime_params or {}
        self.is_part = bool(runtime.get("sample_list", globals_.get("sample_list")))

    @hook_impl
    def after_pipeline_run(self, pipeline: Pipeline, catalog: DataCatalog) -> None:
        """One line per person: how many files are left, and what deletes them."""
        checked = [name for name in CHECKED if name in pipeline.all_outputs()]
        if not checked:
            return
        present = set(catalog.load(checked[0])["person_id"])
        refused = set(catalog.load("sample_issues")["sample_id"]) if self.is_part else None
        files = files_of_absent_people(pipeline, catalog, present, refused)
        for person, count in files.most_common(SHOWN):
            logger.warning(
                "%s is not among the samples of this run, and %d files of theirs are still in %s; this deletes them: "
                "kedro forget %s --data-root %s",
                person,
                count,
                self.data_root,
                person,
                shlex.quote(str(self.data_root)),
            )
        if len(files) > SHOWN:
            logger.warning("and files of %d more people", len(files) - SHOWN)


def files_of_absent_people(
    pipeline: Pipeline, catalog: DataCatalog, present: set[str], refused: set[str] | None
) -> Counter[str]:
    """For each person who is not ``present``, how many files are left of items that are no longer requested.

    ``refused`` are the samples that were refused, where the run took only a part of the samples: then only their people count,
    for the others are somebody else's part.
    """
    found: Counter[str] = Counter()
    for name in sorted(pipeline.all_outputs()):
        folder = catalog.get(name)
        if not isinstance(folder, ItemFolder):
            continue
        for file in folder.leftovers():
            people = people_in(file)
            if refused is None or file.stem in refused:
                found.update(dict.fromkeys(people - present, folder.files_per_item))
    return found


def people_in(record: Path) -> set[str]:
    """The people whose photo or prompt is in an item; nobody if its record cannot be read."""
    try:
        return set(open_sealed(record.read_bytes()).get("people", ()))
    except (OSError, Damaged):
        return set()
