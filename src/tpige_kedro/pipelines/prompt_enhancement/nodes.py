"""Puts what was read in each face into the prompts of that person (paper section 3.2)."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import pandas as pd

from tpige_kedro.datasets.items import NONE, Items
from tpige_kedro.execution.work import Job, Outcome, Result, Work, fingerprint
from tpige_kedro.pipelines.prompt_enhancement.enhance import enhance
from tpige_kedro.prompts.attributes import FaceAttributes
from tpige_kedro.prompts.counts import count_checks
from tpige_kedro.provenance.code import code_hash
from tpige_kedro.schemas import PromptEnhancement

logger = logging.getLogger(__name__)


STAGE = "enhanced_prompts"  # its items are people, whose prompts are to agree with each other
CODE = ("prompts", "pipelines/prompt_enhancement/enhance.py", "pipelines/prompt_enhancement/nodes.py")  # fmt: skip


def enhance_prompts(
    checked_samples: pd.DataFrame,
    face_attributes: Items,
    rewritten_prompts: Items,
    options: PromptEnhancement,
) -> Work:
    """What each prompt becomes; where nothing can be added, it stays as it is and ``note`` says why.

    In mode ``rewrite`` that is the model's own caption if it passed the checks and agrees with the person's other captions,
    else the prompt with the clause of what was read in the face. An error in our own rules ends the run.

    Returns:
        The work for ``enhanced_prompt_items``: a job per person, whose value has by sample what :meth:`.Enhancement.columns` gives.
    """
    rewritten = rewritten_prompts if options.mode == "rewrite" else NONE
    decided = {"code": code_hash(*CODE), "options": options.model_dump(mode="json")}
    jobs = []
    for person, prompts in _by_person(checked_samples).items():
        asked = [(s, p, _mark(rewritten, rewritten_prompts, s)) for s, p in prompts.items()]
        face = _mark(face_attributes, face_attributes, person)
        mark = fingerprint(**decided, face=face, prompts=asked)
        jobs.append(Job(person, mark, prompts, people=(person,)))

    def produce(todo: list[Job]) -> Iterator[tuple[Job, Outcome]]:
        for job in todo:
            yield (
                job,
                Result(_enhanced(job, face_attributes, rewritten, rewritten_prompts, options)),
            )

    return Work(STAGE, jobs, produce, decided)


def tabulate_prompts(
    checked_samples: pd.DataFrame, enhanced_prompt_items: Items
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The enhanced prompts of all samples, and what the checks on them found.

    Returns:
        ``sample_id, person_id, prompt, enhanced_prompt, clause, source, note, flags``: ``source`` is ``model`` (mode ``rewrite``: its
        own text; mode ``attributes``: the clause from its reading), ``clause`` (mode ``rewrite`` fell back to it) or ``none``
        (``enhanced_prompt`` is the prompt itself); ``clause`` is that of the person's face; ``flags`` names the checks that fired.
        And these counted (:func:`.count_checks`).
    """
    enhanced = enhanced_prompt_items.loaded()
    kept = ("sample_id", "person_id", "prompt")
    rows = [
        {**{name: str(row[name]) for name in kept}, **enhanced[row["person_id"]][row["sample_id"]]}
        for row in checked_samples.to_dict("records")
    ]
    table = pd.DataFrame(rows)
    _log(table)
    return table, count_checks(table)


def _by_person(samples: pd.DataFrame) -> dict[str, dict[str, str]]:
    """The prompts of each person by sample."""
    found: dict[str, dict[str, str]] = {}
    columns = (samples[name] for name in ("person_id", "sample_id", "prompt"))
    for person, sample, prompt in zip(*columns, strict=True):
        found.setdefault(str(person), {})[str(sample)] = str(prompt)
    return found


def _mark(items: Items, whole: Items, key: str) -> str:
    """What stands for an item: that of its content, or why there is none."""
    return items[key].mark if key in items else _problem(whole, key)


def _enhanced(
    job: Job,
    face_attributes: Items,
    rewritten: Items,
    rewritten_prompts: Items,
    options: PromptEnhancement,
) -> dict[str, dict[str, str]]:
    """What the prompts of one person become, by sample."""
    person = job.key
    face = None
    if person in face_attributes:
        face = FaceAttributes.from_dict(face_attributes[person].load())
    unread = f"face not read: {_problem(face_attributes, person) or 'no record of it'}"
    earlier: list[str] = []
    found = {}
    for sample, prompt in job.request.items():
        text = (
            rewritten[sample].load() if sample in rewritten else _no_text(rewritten_prompts, sample)
        )
        found[sample] = enhance(prompt, face, unread, text, earlier, options).columns()
    return found


def _problem(items: Items, key: str) -> str:
    failure = items.failures.get(key)
    return failure.message if failure else ""


def _no_text(rewritten: Items, sample: str) -> dict[str, Any]:
    return {"text": "", "attempts": [], "problem": _problem(rewritten, sample)}


def _log(table: pd.DataFrame) -> None:
    noted = table.loc[table["note"] != "", ["sample_id", "note"]]
    for sample, note in noted.itertuples(index=False):
        logger.warning("sample %s: %s", sample, note)
    sources = table["source"].value_counts().to_dict()
    enhanced = len(table) - sources.get("none", 0)
    fell_back = f", {sources['clause']} by the clause" if "clause" in sources else ""
    by_model = f"{sources.get('model', 0)} by the model"
    logger.info("%d of %d prompts enhanced (%s%s)", enhanced, len(table), by_model, fell_back)
