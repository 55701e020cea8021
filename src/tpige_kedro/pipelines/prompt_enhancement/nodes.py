"""Reads each person's face once, and puts what it shows into the prompts of that person (paper section 3.2)."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd
from PIL.Image import Image

from tpige_kedro.errors import NoFaceError
from tpige_kedro.execution.concurrent import work_side_by_side
from tpige_kedro.execution.local import Chunk, Job, Outcome, Result, fingerprint, work_off
from tpige_kedro.models import describe_model, load_class, load_models, model_identity
from tpige_kedro.pipelines.prompt_enhancement.settling import Settled, settle
from tpige_kedro.prompts.attributes import FaceAttributes
from tpige_kedro.prompts.counts import count_checks
from tpige_kedro.prompts.wording import load_instruction
from tpige_kedro.schemas import ModelSpec, PromptEnhancement
from tpige_kedro.vision_language.usage import metered

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
    told = reading_instruction(spec)
    jobs = []
    for row in checked_samples.drop_duplicates("person_id").itertuples():
        picture = str(row.reference_hash)
        mark = fingerprint(reader=model_identity(spec), picture=picture, **told)
        jobs.append(
            Job(str(row.person_id), mark, _Reading(str(row.sample_id), str(row.reference), picture))
        )

    def produce(todo: list[Job]) -> Iterator[tuple[Job, Outcome]]:
        (model,) = load_models([spec])
        yield from work_side_by_side(
            todo,
            lambda job: _read(model, job, references, {"reader": reader, **told}),
            workers=getattr(model, "concurrency", 1),
        )

    yield from work_off("prompt_enhancement", jobs, completed, produce)


def reading_instruction(spec: ModelSpec) -> dict[str, Any]:
    """What the instruction adds to fingerprint and record of a reading; nothing for models that follow none."""
    if not getattr(load_class(spec.type), "follows_instructions", False):
        return {}
    return {"instruction": load_instruction("read_face").identity()}


def enhance_prompts(
    checked_samples: pd.DataFrame,
    face_attributes: Partitions,
    failures: Partitions,
    rewritten_prompts: Partitions,
    rewriting_failures: Partitions,
    options: PromptEnhancement,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """What each prompt becomes; where nothing can be added, it stays as it is and ``note`` says why.

    In mode ``rewrite`` that is the model's own caption if it passed the checks and agrees with the person's other captions,
    else the prompt with the clause of what was read in the face.

    Returns:
        ``sample_id, person_id, prompt, enhanced_prompt, clause, source, note, flags``: ``source`` is ``model`` (mode ``rewrite``: its
        own text; mode ``attributes``: the clause from its reading), ``clause`` (mode ``rewrite`` fell back to it) or ``none``
        (``enhanced_prompt`` is the prompt itself); ``clause`` is that of the person's face; ``flags`` names the checks that fired.
        And these counted (:func:`.count_checks`).
    """
    faces = {p: FaceAttributes.from_dict(f) for p, f in usable(face_attributes, failures).items()}
    reasons = {person: str(load()["message"]) for person, load in failures.items()}
    rewritten = {}
    if options.mode == "rewrite":
        rewritten = usable(rewritten_prompts, rewriting_failures)
    unasked = {key: str(load()["message"]) for key, load in rewriting_failures.items()}
    settled: dict[str, list[Settled]] = {}
    rows = []
    for row in checked_samples.itertuples():
        person, sample = str(row.person_id), str(row.sample_id)
        outcome = settle(
            str(row.prompt),
            faces.get(person),
            f"face not read: {reasons.get(person, 'no record of it')}",
            rewritten.get(sample, {"text": "", "attempts": [], "problem": unasked.get(sample, "")}),
            settled.setdefault(person, []),
            options,
        )
        rows.append(
            {
                "sample_id": sample,
                "person_id": person,
                "prompt": str(row.prompt),
                **outcome.columns(),
            }
        )
    table = pd.DataFrame(rows)
    _tell(table)
    return table, count_checks(table)


def usable(outputs: Partitions, failures: Partitions) -> dict[str, Any]:
    """The outputs by key, without those that an earlier run made from something that has failed since."""
    return {key: load() for key, load in outputs.items() if key not in failures}


def _tell(table: pd.DataFrame) -> None:
    noted = table.loc[table["note"] != "", ["sample_id", "note"]]
    for sample, note in noted.itertuples(index=False):
        logger.warning("sample %s: %s", sample, note)
    sources = table["source"].value_counts().to_dict()
    logger.info(
        "%d of %d prompts enhanced: %s", len(table) - sources.get("none", 0), len(table), sources
    )


@dataclass(frozen=True)
class _Reading:
    sample_id: str
    reference: str
    picture: str


def _read(
    model: Any, job: Job, references: Mapping[str, Callable[[], Image]], made_by: dict[str, Any]
) -> Outcome:
    """The face's attributes; a picture without a face or a failing model is this person's failure, not the run's."""
    reading: _Reading = job.request
    try:
        with metered() as usage:
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
    details = {"reference": reading.reference, "reference_hash": reading.picture, **made_by}
    if usage.requests:
        details["usage"] = usage.to_dict()
    return Result(attributes.to_dict(), details)
