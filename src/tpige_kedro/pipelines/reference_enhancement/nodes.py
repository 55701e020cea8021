"""Writes what each reference should show, and redraws it accordingly (paper section 3.3)."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

import pandas as pd

from tpige_kedro.datasets.items import NONE, Items
from tpige_kedro.datasets.pictures import References
from tpige_kedro.execution.work import Job, Work
from tpige_kedro.models import describe_model
from tpige_kedro.pipelines.reference_enhancement.redraw import Redraw
from tpige_kedro.pipelines.reference_enhancement.writing import uses_enhanced_references
from tpige_kedro.prompts.reference_prompt import (
    failed_reference_checks,
    failed_written_checks,
    reference_prompt,
)
from tpige_kedro.schemas import ModelSpec, ReferenceEnhancement

logger = logging.getLogger(__name__)

FROM_SAMPLE = ["sample_id", "person_id", "reference", "reference_hash"]
WRITTEN = ["reference_prompt", "source", "note"]


def write_reference_prompts(
    checked_samples: pd.DataFrame,
    enhanced_prompts: pd.DataFrame,
    options: ReferenceEnhancement,
    written: Items = NONE,
) -> pd.DataFrame:
    """The text by which each reference is redrawn: the writer's, or role, attire and hair of the prompt and the facial clause.

    Returns:
        ``sample_id, person_id, reference, reference_hash, reference_prompt, source, note``: ``source`` is ``model`` for the
        writer's text, else ``rules``. A text by the rules that fails its checks is replaced by one of "a person" with the same
        clause; ``note`` says which check failed.
    """
    rows = []
    for row in enhanced_prompts.to_dict("records"):
        sample = str(row["sample_id"])
        text, problem = "", ""
        if options.writer is not None:
            text, problem = _of_writer(sample, str(row["enhanced_prompt"]), written)
        source, note = "model", ""
        if not text:
            text, note = reference_prompt_by_rules(str(row["prompt"]), str(row["clause"]), options)
            source, note = "rules", "; ".join(part for part in (problem, note) if part)
        if note:
            logger.warning("sample %s: reference prompt: %s", sample, note)
        rows.append({"sample_id": sample, "reference_prompt": text, "source": source, "note": note})
    texts = pd.DataFrame(rows, columns=["sample_id", *WRITTEN])
    return checked_samples[FROM_SAMPLE].merge(texts, on="sample_id")


def _of_writer(sample: str, prompt: str, written: Items) -> tuple[str, str]:
    """The writer's text, or why there is none."""
    if sample not in written:
        failure = written.failures.get(sample)
        return "", f"not the writer's text: {failure.message if failure else 'not asked'}"
    answer = written[sample].load()
    failed = failed_written_checks(answer["text"], prompt) if answer["text"] else []
    if answer["text"] and not failed:
        return str(answer["text"]), ""
    problem = answer["problem"] or "; ".join(map(str, failed))
    return "", f"not the writer's text: {problem}"


def reference_prompt_by_rules(
    prompt: str, clause: str, options: ReferenceEnhancement
) -> tuple[str, str]:
    """The text by rules, and why its role was left out if it was."""
    text = reference_prompt(prompt, clause, options.template)
    failures = failed_reference_checks(text, allowed=f"{options.template} {prompt} {clause}")
    if not failures:
        return text, ""
    text = reference_prompt("", clause, options.template)
    return text, f"role left out, check failed: {'; '.join(map(str, failures))}"


def redraw_references(
    reference_prompts: pd.DataFrame,
    references: References,
    options: ReferenceEnhancement,
    models: Mapping[str, Any],
    variants: Mapping[str, Any],
    seed: int,
) -> Work:
    """Draw ``candidates`` pictures per sample and keep the best, or the original; one job per sample.

    Nothing is drawn when no variant that can run uses an enhanced reference.

    Returns:
        The work for ``enhanced_references``: pictures by sample; records say which candidate was chosen, and describe all.
    """
    specs = {name: ModelSpec.model_validate(spec) for name, spec in models.items()}
    redraw = Redraw(options, specs[options.editor], specs[options.judge], references)
    jobs: list[Job] = []
    if uses_enhanced_references(variants, specs):
        jobs = [redraw.job(row, seed) for row in reference_prompts.to_dict("records")]
    else:
        logger.info("no variant that can run uses an enhanced reference: nothing to draw")
    maker = describe_model(options.editor, redraw.editor)
    return Work("reference_enhancement", jobs, redraw.produce, maker, share=redraw.share)
