"""Writes what each reference should show, and redraws it so (paper section 3.3)."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pandas as pd

from tpige_kedro.execution.local import Chunk, Job, work_off
from tpige_kedro.pipelines.reference_enhancement.redraw import Redraw, References
from tpige_kedro.pipelines.reference_enhancement.writing import uses_enhanced_references
from tpige_kedro.prompts.reference_prompt import (
    failed_reference_checks,
    failed_written_checks,
    reference_prompt,
)
from tpige_kedro.schemas import ModelSpec, ReferenceEnhancement

logger = logging.getLogger(__name__)

Partitions = Mapping[str, Callable[[], dict[str, Any]]]


def write_reference_prompts(
    enhanced_prompts: pd.DataFrame,
    options: ReferenceEnhancement,
    written: Partitions | None = None,
    failures: Partitions | None = None,
) -> pd.DataFrame:
    """The text by which each reference is redrawn: the writer's, or role, attire and hair of the prompt and the facial clause.

    Returns:
        ``sample_id, reference_prompt, source, note``: ``source`` is ``model`` for the writer's text, else ``rules``. A text by the
        rules that fails its checks is replaced by one of "a person" with the same clause; ``note`` says which check failed.
    """
    rows = []
    for row in enhanced_prompts.itertuples():
        sample = str(row.sample_id)
        text, problem = "", ""
        if options.writer is not None:
            text, problem = _of_writer(
                sample, str(row.enhanced_prompt), written or {}, failures or {}
            )
        source, note = "model", ""
        if not text:
            text, note = reference_prompt_by_rules(str(row.prompt), str(row.clause), options)
            source, note = "rules", "; ".join(part for part in (problem, note) if part)
        if note:
            logger.warning("sample %s: reference prompt: %s", sample, note)
        rows.append({"sample_id": sample, "reference_prompt": text, "source": source, "note": note})
    return pd.DataFrame(rows, columns=["sample_id", "reference_prompt", "source", "note"])


def _of_writer(
    sample: str, prompt: str, written: Partitions, failures: Partitions
) -> tuple[str, str]:
    """The writer's text, or why there is none; a text made from an earlier prompt fails the checks."""
    if sample in failures or sample not in written:
        problem = failures[sample]()["message"] if sample in failures else "not asked"
        return "", f"not the writer's text: {problem}"
    answer = written[sample]()
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
    *,
    checked_samples: pd.DataFrame,
    references: References,
    reference_prompts: pd.DataFrame,
    completed: Mapping[str, str],
    options: ReferenceEnhancement,
    models: Mapping[str, Any],
    variants: Mapping[str, Any],
    seed: int,
) -> Iterator[Chunk]:
    """Draw ``candidates`` pictures per sample and keep the best, or the original; resumable, one job per sample.

    Nothing is drawn when no variant that can run uses an enhanced reference.

    Yields:
        Chunks of ``enhanced_references`` (pictures by sample), their records (which was chosen, all candidates), failures.
    """
    specs = {name: ModelSpec.model_validate(spec) for name, spec in models.items()}
    redraw = Redraw(options, specs[options.editor], specs[options.judge], references)
    jobs: list[Job] = []
    if uses_enhanced_references(variants, specs):
        columns = (
            reference_prompts[name].astype(str) for name in ("sample_id", "reference_prompt")
        )
        texts = dict(zip(*columns, strict=True))
        jobs = [
            redraw.job(row, texts[str(row.sample_id)], seed) for row in checked_samples.itertuples()
        ]
    else:
        logger.info("no variant that can run uses an enhanced reference: nothing to draw")
    yield from work_off("reference_enhancement", jobs, completed, redraw.produce)
