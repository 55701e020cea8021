"""Reads each person's face once, and puts what it shows into the prompts of that person (paper section 3.2)."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd
from PIL.Image import Image

from tpige_kedro.errors import NoFaceError
from tpige_kedro.execution.local import Chunk, Job, Outcome, Result, fingerprint, work_off
from tpige_kedro.models import describe_model, load_models, model_identity
from tpige_kedro.prompts.attributes import FaceAttributes
from tpige_kedro.prompts.checks import failed_checks
from tpige_kedro.prompts.clause import compose_clause, insert_clause
from tpige_kedro.prompts.conflicts import settle_conflicts
from tpige_kedro.schemas import ModelSpec, PromptEnhancement

logger = logging.getLogger(__name__)

Partitions = Mapping[str, Callable[[], Any]]


def read_faces(
    checked_samples: pd.DataFrame,
    references: Mapping[str, Callable[[], Image]],
    completed: Mapping[str, str],
    options: PromptEnhancement,
    models: Mapping[str, Any],
) -> Iterator[Chunk]:
    """Read the face of each person in the picture of their first sample; resumable, one job per person.

    Yields:
        Chunks of ``face_attributes`` (JSON by person), their records, and failures: a picture without a face, for one.
    """
    spec = ModelSpec.model_validate(models[options.reader])
    reader = describe_model(options.reader, spec)
    jobs = []
    for row in checked_samples.drop_duplicates("person_id").itertuples():
        picture = str(row.reference_hash)
        mark = fingerprint(reader=model_identity(spec), picture=picture)
        jobs.append(
            Job(str(row.person_id), mark, _Reading(str(row.sample_id), str(row.reference), picture))
        )

    def produce(todo: list[Job]) -> Iterator[tuple[Job, Outcome]]:
        (model,) = load_models([spec])
        for job in todo:
            yield job, _read(model, job, references, reader)

    yield from work_off("prompt_enhancement", jobs, completed, produce)


def enhance_prompts(
    checked_samples: pd.DataFrame,
    face_attributes: Partitions,
    failures: Partitions,
    options: PromptEnhancement,
) -> pd.DataFrame:
    """Insert the clause of each sample's person into its prompt; where that cannot be done, keep the prompt and say why.

    Returns:
        ``sample_id, person_id, prompt, enhanced_prompt, clause, source, note``: ``source`` is ``model`` where the clause is in,
        ``none`` where ``enhanced_prompt`` is the prompt itself; ``note`` says why, or which attributes were left out.
    """
    read = {
        person: FaceAttributes.from_dict(load())
        for person, load in face_attributes.items()
        if person not in failures
    }
    reasons = {person: str(load()["message"]) for person, load in failures.items()}
    rows = []
    for row in checked_samples.itertuples():
        person, prompt = str(row.person_id), str(row.prompt)
        if person in read:
            outcome = enhance_prompt(prompt, read[person], options)
        else:
            outcome = Enhancement(
                prompt, note=f"face not read: {reasons.get(person, 'no record of it')}"
            )
        rows.append(
            {"sample_id": row.sample_id, "person_id": person, "prompt": prompt, **outcome.columns()}
        )
    table = pd.DataFrame(rows)
    for sample, note in table.loc[table["note"] != "", ["sample_id", "note"]].itertuples(
        index=False
    ):
        logger.warning("sample %s: %s", sample, note)
    logger.info("%d of %d prompts enhanced", int((table["source"] == "model").sum()), len(table))
    return table


@dataclass(frozen=True)
class Enhancement:
    """What became of one prompt; an empty ``clause`` means that the prompt is as it was."""

    enhanced_prompt: str
    clause: str = ""
    note: str = ""

    def columns(self) -> dict[str, str]:
        """As columns of ``enhanced_prompts``."""
        source = "model" if self.clause else "none"
        return {
            "enhanced_prompt": self.enhanced_prompt,
            "clause": self.clause,
            "source": source,
            "note": self.note,
        }


def enhance_prompt(
    prompt: str, attributes: FaceAttributes, options: PromptEnhancement
) -> Enhancement:
    """Compose, insert, check: attributes that contradict the prompt are left out; a failed check keeps the prompt."""
    attributes, notes = settle_conflicts(prompt, attributes)
    clause = compose_clause(attributes, options.minimum_confidence)
    if not clause:
        notes.append(
            f"nothing to add was read with confidence {options.minimum_confidence} or more"
        )
        return Enhancement(prompt, note="; ".join(notes))
    enhanced = insert_clause(prompt, clause)
    failures = failed_checks(prompt, enhanced, options.max_added_words)
    if failures:
        refused = [f"prompt kept, check failed: {failure}" for failure in failures]
        return Enhancement(prompt, note="; ".join([*notes, *refused]))
    return Enhancement(enhanced, clause, "; ".join(notes))


@dataclass(frozen=True)
class _Reading:
    sample_id: str
    reference: str
    picture: str


def _read(
    model: Any, job: Job, references: Mapping[str, Callable[[], Image]], reader: dict[str, Any]
) -> Outcome:
    """The face's attributes; a picture without a face or a failing model is this person's failure, not the run's."""
    reading: _Reading = job.request
    try:
        attributes: FaceAttributes = model.read_face(references[reading.reference]())
    except NoFaceError as error:
        return NoFaceError(
            f"person {job.key} (sample {reading.sample_id}): no face found in references/{reading.reference} ({error}); "
            "use a picture that shows the face from the front, unhidden"
        )
    except (
        Exception
    ) as error:  # whatever a model raises: named in the table of failures, the others go on
        return error
    details = {"reference": reading.reference, "reference_hash": reading.picture, "reader": reader}
    return Result(attributes.to_dict(), details)
