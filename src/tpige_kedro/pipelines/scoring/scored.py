"""Clips on their way through the scorers: each is decoded once for all that have not seen it."""

from __future__ import annotations

import logging
import math
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from traceback import clear_frames
from typing import Any

from tpige_kedro.datasets.pictures import References, checked_picture
from tpige_kedro.errors import ModelError, first_line, unforeseen
from tpige_kedro.execution.tally import message_of
from tpige_kedro.execution.work import Job, Outcome, Result
from tpige_kedro.metrics.protocol import Missing, ScoredClip, Scorer, Values
from tpige_kedro.models import load_models
from tpige_kedro.pipelines.scoring.jobs import ScoreRequest, kept_parts
from tpige_kedro.schemas import ModelSpec

logger = logging.getLogger(__name__)


@dataclass
class Scored:
    """A clip on its way: the parts of its record that are done, and what went wrong."""

    job: Job
    parts: dict[str, Any]
    errors: list[Exception] = field(default_factory=list)
    unreadable: bool = False

    @classmethod
    def of(cls, job: Job) -> Scored:
        """With the parts of an earlier record that still hold."""
        return cls(job, kept_parts(job))

    def lacks(self, scorers: Sequence[str]) -> list[str]:
        """Those of ``scorers`` that have not scored it."""
        return [] if self.unreadable else [name for name in scorers if name not in self.parts]

    def outcome(self, finished: bool) -> Outcome:
        """What is to be saved: all parts, or what went wrong if there is none."""
        if self.unreadable or not self.parts:
            return self.all_errors()
        failure = self.all_errors() if self.errors and finished else None
        return Result(self.parts, failure=failure, partial=not finished)

    def all_errors(self) -> Exception:
        """The first error, with the others as its notes."""
        first, *others = self.errors
        for other in others:
            first.add_note(f"and {message_of(other)}")
        return first


def score_families(
    clips: list[Scored],
    families: list[list[str]],
    specs: Mapping[str, ModelSpec],
    references: References,
) -> Iterator[tuple[Job, Outcome]]:
    """The outcomes of ``clips``; the scorers of a family are in memory together, and see all clips before the next family.

    Of a family only those scorers are loaded that have something to do.
    """
    for clip in clips:
        if not clip.lacks(list(specs)):  # a scorer was left out: what the others found still holds
            yield clip.job, clip.outcome(finished=True)
    for number, family in enumerate(families, start=1):
        mine = [clip for clip in clips if clip.lacks(family)]
        wanted = [name for name in family if any(clip.lacks([name]) for clip in mine)]
        if mine:
            loaded = load_scorers({name: specs[name] for name in wanted})
            for clip in score_each(mine, loaded, references):
                following = [name for later in families[number:] for name in later]
                if clip.parts or not clip.lacks(following):
                    yield clip.job, clip.outcome(finished=not clip.lacks(following))
            loaded.clear()  # else the next family is loaded beside it


class Broken:
    """Stands in for a scorer that cannot be loaded: its metrics fail for every clip, but those of the other scorers do not."""

    def __init__(self, problem: str) -> None:
        self._problem = problem

    def score(self, clip: ScoredClip) -> Values:
        """Never a value. Raises :class:`ModelError`."""
        raise ModelError(self._problem)


def load_scorers(specs: Mapping[str, ModelSpec], keep_failed: bool = False) -> dict[str, Any]:
    """The scorers by name, each loaded once; one that cannot be loaded is :class:`Broken`."""
    names = {id(spec): name for name, spec in specs.items()}

    def broken(spec: ModelSpec, error: Exception) -> Broken:
        name = names[id(spec)]
        logger.error(
            "models.%s cannot be loaded; its metrics are missing",
            name,
            exc_info=unforeseen(error),
        )
        return Broken(f"models.{name} cannot be loaded ({first_line(error)})")

    loaded = load_models(list(specs.values()), broken, keep_failed)
    return dict(zip(specs, loaded, strict=True))


def score_each(
    clips: Sequence[Scored], scorers: Mapping[str, Scorer], references: References
) -> Iterator[Scored]:
    """Let ``scorers`` add their parts, clip by clip; each clip is decoded once for all that look at it."""
    for scored, opening in opened_ahead(clips, references):
        try:
            clip = opening.result()
        except Exception as error:  # named in the table of failures; the other clips go on
            scored.unreadable = True
            scored.errors.append(without_frames(error))
            yield scored
            continue
        for name in scored.lacks(list(scorers)):
            try:
                values = values_and_reasons(scorers[name].score(clip), type(scorers[name]).__name__)
            except Exception as error:  # so does the next scorer
                error.add_note(scorer_note(name))
                scored.errors.append(without_frames(error))
            else:
                fingerprint = scored.job.request.parts[name]
                scored.parts[name] = {"fingerprint": fingerprint, **values}
        yield scored


def scorer_note(name: str) -> str:
    """How an error says which scorer raised it."""
    return f"(scorer {name})"


def without_frames(error: Exception) -> Exception:
    """``error`` without the variables of the functions in its traceback: among them are the networks that are to be freed."""
    link: BaseException | None = error
    while link is not None:
        clear_frames(link.__traceback__)
        link = link.__cause__ or link.__context__
    return error


def opened_ahead(
    clips: Sequence[Scored], references: References
) -> Iterator[tuple[Scored, Future[ScoredClip]]]:
    """The clips, opened; while one is scored, a separate thread decodes the next."""
    waiting: deque[tuple[Scored, Future[ScoredClip]]] = deque()
    with ThreadPoolExecutor(max_workers=1) as thread:
        for scored in clips:
            waiting.append((scored, thread.submit(open_clip, scored.job.request, references)))
            if len(waiting) > 1:
                yield waiting.popleft()
        yield from waiting


def open_clip(request: ScoreRequest, references: References) -> ScoredClip:
    """The frames, the person's own photo and the original prompt: what the paper's tables compare."""
    photo = checked_picture(references, request.reference, request.reference_hash)
    clip = request.clip.load()
    return ScoredClip(clip.frames, clip.fps, photo, request.prompt, request.enhanced_prompt)


def values_and_reasons(scores: Values, scorer: str) -> dict[str, dict[str, Any]]:
    """``values`` (None where missing) and ``reasons`` of the missing ones."""
    values: dict[str, float | None] = {}
    reasons: dict[str, str] = {}
    for metric, value in scores.items():
        if isinstance(value, Missing):
            values[metric], reasons[metric] = None, value.reason
        elif math.isfinite(value):
            values[metric] = float(value)
        else:
            values[metric], reasons[metric] = None, f"{scorer} returned {value}"
    return {"values": values, "reasons": reasons}
