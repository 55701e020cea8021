"""Lets a language model write what each reference should show (paper section 3.3), checked, with feedback on what is wrong."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pandas as pd

from tpige_kedro.execution.concurrent import work_side_by_side
from tpige_kedro.execution.work import Job, Outcome, Result, Work, fingerprint
from tpige_kedro.models import describe_model, load_models, model_identity, why_skipped
from tpige_kedro.prompts.reference_prompt import failed_written_checks
from tpige_kedro.prompts.wording import Instruction, load_instruction
from tpige_kedro.schemas import ModelSpec, ReferenceEnhancement, Variant
from tpige_kedro.vision_language.asking import ask_until_good
from tpige_kedro.vision_language.usage import metered

ATTEMPTS = 3


@dataclass(frozen=True)
class Writing:
    """The writer and its instruction."""

    writer: ModelSpec
    instruction: Instruction

    @cached_property
    def decided(self) -> str:
        """The part of all fingerprints that is the same for every sample."""
        return fingerprint(
            writer=model_identity(self.writer), instruction=self.instruction.identity()
        )

    def job(self, sample: Mapping[Any, Any]) -> Job:
        """The job of a row of ``enhanced_prompts``: the text is made of its enhanced prompt alone."""
        prompt = str(sample["enhanced_prompt"])
        mark = fingerprint(decided=self.decided, prompt=prompt)
        return Job(str(sample["sample_id"]), mark, prompt, people=(str(sample["person_id"]),))

    def produce(self, todo: list[Job]) -> Iterator[tuple[Job, Outcome]]:
        """Request the texts, several at a time if the model allows it."""
        (model,) = load_models([self.writer])
        workers = getattr(model, "concurrency", 1)
        yield from work_side_by_side(todo, lambda job: self._write(model, job), workers)

    def _write(self, model: Any, job: Job) -> Outcome:
        prompt: str = job.request
        try:
            with metered() as usage:
                asked = ask_until_good(
                    lambda wrong: model.rewrite_prompt(prompt, None, self.instruction.told(wrong)),
                    lambda text: failed_written_checks(text, prompt),
                    ATTEMPTS,
                )
        except (
            Exception
        ) as error:  # whatever a model raises: named in the table of failures, the others go on
            return error
        details = {
            "prompt": prompt,
            "instruction": self.instruction.identity(),
            "usage": usage.to_dict(),
        }
        return Result(asked.to_dict(), details)


def ask_reference_prompts(
    enhanced_prompts: pd.DataFrame,
    options: ReferenceEnhancement,
    models: Mapping[str, Any],
    variants: Mapping[str, Any],
) -> Work:
    """Ask ``reference_enhancement.writer`` for the text of each sample; one job per sample.

    Nothing is asked without a writer, or when no variant that can run uses an enhanced reference.

    Returns:
        The work for ``written_reference_prompts``: ``text``, ``problem``, ``attempts`` by sample.
    """
    specs = {name: ModelSpec.model_validate(spec) for name, spec in models.items()}
    if options.writer is None or not uses_enhanced_references(variants, specs):
        return Work("reference_prompts", [], lambda todo: iter(()))
    writer = specs[options.writer]
    writing = Writing(writer, load_instruction("reference_prompt"))
    jobs = [writing.job(row) for row in enhanced_prompts.to_dict("records")]
    return Work("reference_prompts", jobs, writing.produce, describe_model(options.writer, writer))


def uses_enhanced_references(variants: Mapping[str, Any], specs: Mapping[str, ModelSpec]) -> bool:
    """Whether a variant that this run makes takes an enhanced reference."""
    rows = [Variant.model_validate(variant) for variant in variants.values()]
    return any(row.reference == "enhanced" and not why_skipped(row, specs) for row in rows)
