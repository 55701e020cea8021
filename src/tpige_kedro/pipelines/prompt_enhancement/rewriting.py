"""Mode ``rewrite`` (paper section 3.2): the model rewrites the caption with the face in it; the result is checked, with feedback on what is wrong."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pandas as pd

from tpige_kedro.datasets.items import Items
from tpige_kedro.datasets.pictures import References, checked_picture
from tpige_kedro.execution.concurrent import work_side_by_side
from tpige_kedro.execution.work import Job, Outcome, Result, Work, fingerprint
from tpige_kedro.models import describe_model, load_models, model_identity
from tpige_kedro.pipelines.prompt_enhancement.enhance import enhance_prompt
from tpige_kedro.prompts.attributes import FaceAttributes
from tpige_kedro.prompts.rewriting import failed_rewrite_checks
from tpige_kedro.prompts.wording import Instruction, load_instruction
from tpige_kedro.schemas import ModelSpec, PromptEnhancement
from tpige_kedro.vision_language.asking import ask_until_good
from tpige_kedro.vision_language.usage import metered

UNKNOWN = "nothing; look at the photo"


@dataclass(frozen=True)
class Caption:
    """The request for one sample: its prompt, its picture, and the parts of the face's clause that suit the prompt."""

    prompt: str
    reference: str
    reference_hash: str
    clause: str


@dataclass(frozen=True)
class Rewriting:
    """The reader, the options, the instruction and the pictures of one run."""

    reader: ModelSpec
    options: PromptEnhancement
    instruction: Instruction
    references: References

    @cached_property
    def decided(self) -> str:
        """The part of all fingerprints that is the same for every sample."""
        return fingerprint(
            reader=model_identity(self.reader),
            instruction=self.instruction.identity(),
            attempts=self.options.attempts,
            max_added_words=self.options.max_added_words,
        )

    def job(self, sample: Mapping[Any, Any], face: FaceAttributes | None) -> Job:
        """The job of a row of ``checked_samples``; its fingerprint covers all that decides the caption."""
        prompt = str(sample["prompt"])
        clause = enhance_prompt(prompt, face, self.options).clause if face else ""
        caption = Caption(prompt, sample["reference"], sample["reference_hash"], clause)
        seen = {"prompt": prompt, "picture": caption.reference_hash, "clause": clause}
        mark = fingerprint(decided=self.decided, **seen)
        return Job(str(sample["sample_id"]), mark, caption, people=(str(sample["person_id"]),))

    def produce(self, todo: list[Job]) -> Iterator[tuple[Job, Outcome]]:
        """Request the captions, several at a time if the model allows it."""
        (model,) = load_models([self.reader])
        workers = getattr(model, "concurrency", 1)
        yield from work_side_by_side(todo, lambda job: self._rewrite(model, job), workers)

    def _rewrite(self, model: Any, job: Job) -> Outcome:
        """The caption and its record; a model that does not answer is this sample's failure, not the run's."""
        caption: Caption = job.request
        limit = self.options.max_added_words

        def ask(complaints: Any) -> str:
            told = self.instruction.told(
                complaints, facts=caption.clause or UNKNOWN, max_words=limit
            )
            return str(model.rewrite_prompt(caption.prompt, picture, told))

        try:
            picture = checked_picture(self.references, caption.reference, caption.reference_hash)
            with metered() as usage:
                asked = ask_until_good(
                    ask,
                    lambda text: failed_rewrite_checks(caption.prompt, text, caption.clause, limit),
                    self.options.attempts,
                )
        except (
            Exception
        ) as error:  # whatever a model raises: named in the table of failures, the others go on
            return error
        return Result(asked.to_dict(), {**self._origin(caption), "usage": usage.to_dict()})

    def _origin(self, caption: Caption) -> dict[str, Any]:
        """What the caption was made from, for the record."""
        return {
            "prompt": caption.prompt,
            "clause": caption.clause,
            "reference": caption.reference,
            "reference_hash": caption.reference_hash,
            "instruction": self.instruction.identity(),
        }


def rewrite_prompts(
    checked_samples: pd.DataFrame,
    references: References,
    face_attributes: Items,
    options: PromptEnhancement,
    models: Mapping[str, Any],
) -> Work:
    """Request the caption of each sample; one job per sample. Mode ``attributes`` requests nothing.

    Returns:
        The work for ``rewritten_prompts``: ``text``, ``problem``, ``attempts`` by sample. A service that gives no answer fails.
    """
    spec = ModelSpec.model_validate(models[options.reader])
    rewriting = Rewriting(spec, options, load_instruction("rewrite_caption"), references)
    jobs: list[Job] = []
    if options.mode == "rewrite" and not spec.unavailable:
        read = face_attributes.loaded().items()
        faces = {person: FaceAttributes.from_dict(face) for person, face in read}
        rows = checked_samples.to_dict("records")
        jobs = [rewriting.job(row, faces.get(str(row["person_id"]))) for row in rows]
    return Work("prompt_rewriting", jobs, rewriting.produce, describe_model(options.reader, spec))
