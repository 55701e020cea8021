"""Draws the pairs of a study from the clips of people who agreed, and makes their files blind."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Iterator
from typing import Any

import pandas as pd

from tpige_kedro.datasets.clip_files import decoding
from tpige_kedro.datasets.items import Items
from tpige_kedro.datasets.pictures import Pictures, checked_picture
from tpige_kedro.execution.concurrent import work_side_by_side
from tpige_kedro.execution.threads import processors
from tpige_kedro.execution.work import Finished, Job, Outcome, Result, Work, fingerprint
from tpige_kedro.pipelines.prompt_enhancement.samples import sort_samples
from tpige_kedro.pipelines.study.datasets import Blinding
from tpige_kedro.schemas import Study
from tpige_kedro.study import blinding
from tpige_kedro.study.blinding import Source
from tpige_kedro.study.keeping import Drawing, draw
from tpige_kedro.study.languages import read_language

logger = logging.getLogger(__name__)

FORMAT = "tpige-study/1"
MOST_THREADS = 8  # each holds a clip


def draw_pairs(
    samples: pd.DataFrame,
    references: Pictures,
    clips: Items,
    consent: str | None,
    study: Study,
    seed: int,
) -> tuple[Drawing, pd.DataFrame]:
    """The pairs, and the samples that they may show: as the list of samples says now, with consent and a picture that can be opened.

    ``evaluate`` scores clips without consent; they are not shown to raters.
    """
    read_language(study.language, study.questions)  # says what is wrong before anything is drawn
    shown, _ = sort_samples(samples, references, consent)
    allowed = set(shown["sample_id"])
    marks = {
        variant: {sample: clip.mark for sample, clip in made.items() if sample in allowed}
        for variant, made in clips.by_group().items()
    }
    drawing = draw(marks, study, seed, allowed)
    counts = drawing.table["kind"].value_counts().to_dict()
    logger.info("study: %s", ", ".join(f"{n} x {kind}" for kind, n in counts.items()))
    return drawing, shown


def blind_clips(
    study_pairs: pd.DataFrame,
    shown_samples: pd.DataFrame,
    references: Pictures,
    clips: Items,
    study: Study,
) -> Blinding:
    """The clips of all pairs and the references of their samples under names that say nothing, and what the page shows besides."""
    rows = {row["sample_id"]: row for row in shown_samples.to_dict("records")}
    names = dict(zip(study_pairs["reference"], study_pairs["sample_id"], strict=True))
    about = {
        "format": FORMAT,
        "study": study_pairs.attrs["study"],
        "questions": list(study.questions),
        "break_after": study.break_after,
        "pairs_per_rater": study.pairs_per_rater,
        "words": read_language(study.language, study.questions),
        "prompts": {name: rows[sample]["prompt"] for name, sample in names.items()},
    }
    jobs = [
        job for sample, row in rows.items() for job in _clip_jobs(study_pairs, sample, row, clips)
    ]
    maker = {"type": blinding.__name__, "version": blinding.VERSION}
    return Blinding(
        Work("study_clips", jobs, _blind, maker),
        Work("study_references", _picture_jobs(names, rows, references), _strip, maker),
        about,
    )


def _uses(pairs: pd.DataFrame, sample: str, clips: Items) -> dict[str, Source]:
    """Every clip of a sample by each of its names."""
    found: dict[str, Source] = {}
    for pair in pairs[pairs["sample_id"] == sample].itertuples(index=False):
        for side in ("a", "b"):
            name, variant = getattr(pair, f"clip_{side}"), getattr(pair, f"variant_{side}")
            clip = clips.get(f"{variant}/{sample}")
            if clip is not None:  # else it is lost, and comes back when it is made again
                found[name] = Source(clip.mark, clip.load, bool(pair.damaged == side))
    return dict(sorted(found.items()))


def _clip_jobs(
    pairs: pd.DataFrame, sample: str, row: dict[Any, Any], clips: Items
) -> Iterator[Job]:
    """A job for each; all depend on each other, for the files of a sample are equally large."""
    uses = _uses(pairs, sample, clips)
    whole = [(name, use.mark, use.is_damaged) for name, use in uses.items()]
    for name in uses:
        made_from = {"sample": whole, "name": name, "decoding": decoding.VERSION}
        mark = fingerprint(version=blinding.VERSION, **made_from)
        yield Job(name, mark, uses, people=(row["person_id"],))


def _blind(todo: list[Job]) -> Iterator[tuple[Job, Outcome]]:
    """Sample by sample, several at a time; a clip that cannot be read fails those that it would stand beside, and no others."""
    samples: dict[str, list[Job]] = {}
    for job in todo:
        samples.setdefault(min(job.request), []).append(job)
    wholes = [Job(first, "", jobs) for first, jobs in samples.items()]
    for whole, outcome in work_side_by_side(wholes, _blind_one, min(MOST_THREADS, processors())):
        for job in whole.request:
            if isinstance(outcome, Exception):
                yield job, outcome
            else:
                files, shape = outcome.output
                yield job, _finished(files[job.key], duration=shape.seconds)


def _blind_one(whole: Job) -> Outcome:
    try:
        return Result(blinding.blind_sample(whole.request[0].request))
    except Exception as error:
        return error


def _picture_jobs(
    names: dict[str, str], rows: dict[Any, dict[Any, Any]], references: Pictures
) -> list[Job]:
    jobs = []
    for name, sample in names.items():
        row = rows[sample]
        picture, expected = row["reference"], row["reference_hash"]

        def load(picture: str = picture, expected: str = expected) -> Any:
            return checked_picture(references, picture, expected)

        mark = fingerprint(version=blinding.VERSION, picture=expected)
        jobs.append(Job(name, mark, load, people=(row["person_id"],)))
    return jobs


def _strip(todo: list[Job]) -> Iterator[tuple[Job, Outcome]]:
    for job in todo:
        load: Callable[[], Any] = job.request
        try:
            yield job, _finished(blinding.stripped_jpeg(load()))
        except Exception as error:
            yield job, error


def _finished(content: bytes, **details: float) -> Result:
    return Result(Finished(content, hashlib.sha256(content).hexdigest()), dict(details))
