"""Sorts the samples into those that can go on and those that cannot, before anything expensive begins."""

from __future__ import annotations

import logging
from functools import cache
from typing import NamedTuple, get_args

import pandas as pd

from tpige_kedro.characters import control_in, is_visible, shown
from tpige_kedro.datasets.pictures import PictureError, Pictures
from tpige_kedro.errors import TpigeError
from tpige_kedro.further import HASHES, NAMES, packed
from tpige_kedro.pipelines.prompt_enhancement.ids import KnownIds
from tpige_kedro.schemas import Consent

logger = logging.getLogger(__name__)

COLUMNS = ("sample_id", "person_id", "prompt", "reference", "consent")
PROBLEM = "problem"  # what the layout of the folder lacks for a sample, if anything
MAX_PROMPT_CHARACTERS = 4000  # twice what fits the 512 tokens of the text encoders
CHARACTERS = {"U+FFFD": "a mark for letters that were lost; write them, and save the file as UTF-8"}
HIDDEN = "control characters or hidden text; remove them"
LONGEST = 500  # characters of a problem
SHOWN = 5  # problems named in an error that stands for all


class Opened(NamedTuple):
    """A picture as its file is named, and the hash of its pixels; none if it was not opened."""

    name: str
    hash: str = ""


def check_samples(
    samples: pd.DataFrame, references: Pictures, consent: str | None
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The samples that can go on, and what is wrong with the others.

    A sample needs ids that can name a file, an id of its own (the first of several rows with one id goes on), a prompt, a picture
    that can be opened, and the person's consent: ``granted`` or ``synthetic`` (a drawn person), stated in its row or by the
    parameter ``consent`` for all rows that leave it empty.

    Args:
        samples: columns ``sample_id, person_id, prompt, reference`` and, if wanted, ``consent``; ``reference`` is a file name.
        references: the pictures by file name; names are compared as their user sees them.
        consent: what holds for rows without a consent of their own.

    Returns:
        ``checked_samples`` with these five columns (``reference`` as the file is named) and ``reference_hash``, and ``sample_issues`` (``sample_id, problem``).
        Where somebody has several pictures, ``reference`` is the first, and the columns of :mod:`tpige_kedro.further` name the others.

    Raises:
        TpigeError: no rows, missing columns, or no sample left.
    """
    return sort_samples(samples, references, consent)


def sort_samples(
    samples: pd.DataFrame,
    references: Pictures,
    consent: str | None,
    consent_needed: bool = True,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """What :func:`check_samples` does; without ``consent_needed`` also for people who were not asked."""
    table = _text_table(samples, consent)
    opened = cache(lambda name: _open_pictures(references, name))
    known = KnownIds()
    problems, pictures = [], []
    for row in _rows(table):
        problem = row["problem"] or known.problem(row) or _content_problem(row, consent_needed)
        found = [Opened(row["reference"])]
        if not problem:
            problem, found = opened(row["reference"])
        problems.append(problem)
        pictures.append(found)
        known.add(row)
    references.remember()
    table["reference"] = [first.name for first, *_ in pictures]
    table["reference_hash"] = [first.hash for first, *_ in pictures]
    if any(len(found) > 1 for found in pictures):
        table[NAMES] = [packed([each.name for each in others]) for _, *others in pictures]
        table[HASHES] = [packed([each.hash for each in others]) for _, *others in pictures]
    ids = [_short(sample) or f"row {i}" for i, sample in enumerate(table["sample_id"], start=1)]
    issues = pd.DataFrame({"sample_id": ids, "problem": [_short(text) for text in problems]})
    issues = issues[issues["problem"] != ""].reset_index(drop=True)
    checked = table[[not problem for problem in problems]].drop(columns=PROBLEM)
    checked = checked.reset_index(drop=True)
    _report(checked, issues)
    return checked, issues


def _short(text: str) -> str:
    """A cell for messages and tables: nothing in it steers a terminal, and it ends."""
    return shown(text if len(text) <= LONGEST else f"{text[:LONGEST]} …")


def _text_table(samples: pd.DataFrame, consent: str | None) -> pd.DataFrame:
    missing = [name for name in COLUMNS[:4] if name not in samples]
    if missing:
        raise TpigeError(
            f"samples.csv has no column {', '.join(missing)} (it has {', '.join(map(str, samples.columns))}); "
            f"its header line must be {','.join(COLUMNS)}"
        )
    if samples.empty:
        raise TpigeError(
            "samples.csv lists no sample; add a line sample_id,person_id,prompt,reference,consent"
        )
    table: pd.DataFrame = pd.DataFrame(
        {name: samples.get(name, "") for name in (*COLUMNS, PROBLEM)}
    )
    table = (
        table.fillna("").astype(str).apply(lambda column: column.str.strip()).reset_index(drop=True)
    )
    table["consent"] = table["consent"].str.lower().replace("", consent or "absent")
    return table


def _rows(table: pd.DataFrame) -> list[dict[str, str]]:
    return [
        dict(zip((*COLUMNS, PROBLEM), row, strict=True))
        for row in table.itertuples(index=False, name=None)
    ]


def _content_problem(row: dict[str, str], consent_needed: bool) -> str:
    prompt, consent = row["prompt"], row["consent"]
    if not is_visible(prompt):
        return "the prompt is empty; write what the clip should show, or remove the row"
    if len(prompt) > MAX_PROMPT_CHARACTERS:
        return f"the prompt has {len(prompt)} characters, at most {MAX_PROMPT_CHARACTERS} can be read; shorten it"
    if found := control_in(prompt):
        return f"the prompt holds {CHARACTERS.get(found, HIDDEN)} ({found})"
    if consent not in get_args(Consent):
        return f"consent {consent[:50]!r} is not one of {', '.join(get_args(Consent))}; correct it"
    if consent == "absent" and consent_needed:
        return (
            "no consent of the person in the picture; once you have it, write granted (or synthetic for a drawn person) "
            "in the column consent, or set the parameter consent for all samples"
        )
    return ""


def _open_pictures(references: Pictures, name: str) -> tuple[str, list[Opened]]:
    """What is wrong with a picture or those of a folder, or the empty text; and the pictures."""
    if not name:
        problem = "no reference picture is named; write its file name in the column reference"
        return problem, [Opened(name)]
    try:
        files = references.all_named(name)
    except PictureError as error:
        return str(error), [Opened(name)]
    checked = [references.check(file) for file in files]
    problem = next((each.problem for each in checked if each.problem), "")
    return problem, [Opened(f, each.hash) for f, each in zip(files, checked, strict=True)]


def _report(checked: pd.DataFrame, issues: pd.DataFrame) -> None:
    lines = [f"sample {sample}: {problem}" for sample, problem in issues.itertuples(index=False)]
    if checked.empty:
        more = f"\n... and {len(lines) - SHOWN} more" if len(lines) > SHOWN else ""
        raise TpigeError("no sample can be used:\n" + "\n".join(lines[:SHOWN]) + more)
    for line in lines:
        logger.warning("left out: %s", line)
    logger.info("%d of %d samples can be used", len(checked), len(checked) + len(issues))
    if NAMES in checked and (count := int((checked[NAMES] != "").sum())):
        logger.info(
            "%d of them have several reference pictures: generators that take several get them, and faces are read, redrawn and "
            "scored by the first",
            count,
        )
