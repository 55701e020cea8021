"""Puts what was read in each face into the prompts of that person (paper section 3.2)."""

from __future__ import annotations

import logging
from typing import Any

import pandas as pd

from tpige_kedro.datasets.items import Items
from tpige_kedro.pipelines.prompt_enhancement.enhance import Enhancement, enhance
from tpige_kedro.prompts.attributes import FaceAttributes
from tpige_kedro.prompts.counts import count_checks
from tpige_kedro.schemas import PromptEnhancement

logger = logging.getLogger(__name__)


def enhance_prompts(
    checked_samples: pd.DataFrame,
    face_attributes: Items,
    rewritten_prompts: Items,
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
    faces = {p: FaceAttributes.from_dict(face) for p, face in face_attributes.loaded().items()}
    rewritten = rewritten_prompts.loaded() if options.mode == "rewrite" else {}
    earlier: dict[str, list[str]] = {}
    rows = []
    for row in checked_samples.to_dict("records"):
        person, sample = str(row["person_id"]), str(row["sample_id"])
        outcome = enhance(
            str(row["prompt"]),
            faces.get(person),
            f"face not read: {_problem(face_attributes, person) or 'no record of it'}",
            rewritten.get(sample, _no_text(rewritten_prompts, sample)),
            earlier.setdefault(person, []),
            options,
        )
        rows.append(_row(row, outcome))
    table = pd.DataFrame(rows)
    _log(table)
    return table, count_checks(table)


def _problem(items: Items, key: str) -> str:
    failure = items.failures.get(key)
    return failure.message if failure else ""


def _no_text(rewritten: Items, sample: str) -> dict[str, Any]:
    return {"text": "", "attempts": [], "problem": _problem(rewritten, sample)}


def _row(sample: Any, outcome: Enhancement) -> dict[str, str]:
    kept = {name: str(sample[name]) for name in ("sample_id", "person_id", "prompt")}
    return {**kept, **outcome.columns()}


def _log(table: pd.DataFrame) -> None:
    noted = table.loc[table["note"] != "", ["sample_id", "note"]]
    for sample, note in noted.itertuples(index=False):
        logger.warning("sample %s: %s", sample, note)
    sources = table["source"].value_counts().to_dict()
    enhanced = len(table) - sources.get("none", 0)
    fell_back = f", {sources['clause']} by the clause" if "clause" in sources else ""
    by_model = f"{sources.get('model', 0)} by the model"
    logger.info("%d of %d prompts enhanced (%s%s)", enhanced, len(table), by_model, fell_back)
