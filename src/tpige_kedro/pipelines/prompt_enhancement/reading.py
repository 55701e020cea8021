"""Reads each person's face once (paper section 3.2)."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from tpige_kedro.datasets.pictures import References, checked_picture
from tpige_kedro.errors import NoFaceError
from tpige_kedro.execution.concurrent import work_side_by_side
from tpige_kedro.execution.work import Job, Outcome, Result, Work, fingerprint
from tpige_kedro.models import declared, describe_model, load_models, model_identity
from tpige_kedro.prompts.attributes import FaceAttributes
from tpige_kedro.prompts.wording import load_instruction
from tpige_kedro.schemas import ModelSpec, PromptEnhancement
from tpige_kedro.vision_language.usage import metered

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Reading:
    """Whose picture is read: that of the person's first sample."""

    sample_id: str
    reference: str
    reference_hash: str


def read_faces(
    checked_samples: pd.DataFrame,
    references: References,
    options: PromptEnhancement,
    models: Mapping[str, Any],
) -> Work:
    """Read the face of each person in the picture of their first sample; one job per person.

    Returns:
        The work for ``face_attributes``: what was read, as JSON by person. A picture without a face fails. Nothing is read where
        the run goes on without a reader.
    """
    spec = ModelSpec.model_validate(models[options.reader])
    instruction = reading_instruction(spec)
    decided = fingerprint(reader=model_identity(spec), **instruction)
    jobs = []
    if spec.unavailable:
        logger.warning("no faces are read: %s", spec.unavailable)
        checked_samples = checked_samples.iloc[:0]
    for row in checked_samples.drop_duplicates("person_id").to_dict("records"):
        reading = Reading(row["sample_id"], row["reference"], row["reference_hash"])
        mark = fingerprint(decided=decided, picture=reading.reference_hash)
        person = str(row["person_id"])
        jobs.append(Job(person, mark, reading, people=(person,)))

    def produce(todo: list[Job]) -> Iterator[tuple[Job, Outcome]]:
        (model,) = load_models([spec])
        workers = getattr(model, "concurrency", 1)
        yield from work_side_by_side(
            todo, lambda job: read_face(model, job, references, instruction), workers
        )

    maker = describe_model(options.reader, spec)
    return Work("prompt_enhancement", jobs, produce, maker)


def reading_instruction(spec: ModelSpec) -> dict[str, Any]:
    """What the instruction adds to fingerprint and record of a reading; nothing for models that follow none."""
    if not declared(spec.type, "follows_instructions", False):
        return {}
    return {"instruction": load_instruction("read_face").identity()}


def read_face(
    model: Any, job: Job, references: References, instruction: Mapping[str, Any]
) -> Outcome:
    """The face's attributes; a picture without a face or a failing model is this person's failure, not the run's."""
    reading: Reading = job.request
    try:
        with metered() as usage:
            picture = checked_picture(references, reading.reference, reading.reference_hash)
            attributes: FaceAttributes = model.read_face(picture)
    except NoFaceError as error:
        return NoFaceError(
            f"person {job.key} (sample {reading.sample_id}): no face found in references/{reading.reference} ({error}); "
            "use a picture that shows the face from the front, unhidden"
        )
    except Exception as error:  # named in the table of failures; the others go on
        return error
    details = {
        "reference": reading.reference,
        "reference_hash": reading.reference_hash,
        **instruction,
    }
    if usage.requests:
        details["usage"] = usage.to_dict()
    return Result(attributes.to_dict(), details)
