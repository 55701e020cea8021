"""Scoring on workers: a task per clip and family of scorers, whose parts are put together here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from tpige_kedro.datasets.pictures import References, part_of
from tpige_kedro.execution.work import Answers, Job, Outcome, Place, Result, Run, Task
from tpige_kedro.pipelines.scoring.scored import (
    Scored,
    load_scorers,
    score_each,
    scorer_note,
)
from tpige_kedro.schemas import ModelSpec


@dataclass(frozen=True)
class SharedScoring:
    """The scorers and photos of a run. Those with ``device: cpu`` are a family of their own, for workers without a GPU."""

    specs: Mapping[str, ModelSpec]
    references: References
    one_at_a_time: bool

    def share(self, todo: list[Job], run: Run) -> Answers:
        """The scores by workers: a clip's record is complete when the last family has answered."""
        clips = {job.key: Together(Scored.of(job), tuple(self.specs)) for job in todo}
        tasks = list(self.tasks([clip.scored for clip in clips.values()]))
        for task in tasks:
            clips[task.jobs[0].key].left += 1
        for clip in clips.values():
            if not clip.left:  # a scorer was left out: what the others found still holds
                yield clip.scored.job, clip.outcome()
        for job, outcome in run(tasks):
            clip = clips[job.key]
            if clip.take_in(outcome):
                yield clip.scored.job, clip.outcome()

    def tasks(self, clips: Sequence[Scored]) -> Iterator[Task]:
        """A task per family and clip that a scorer of the family has not seen; family by family."""
        for family, place in self.families():
            lacking = [(clip, clip.lacks(family)) for clip in clips]
            wanted = {n: self.specs[n] for n in family if any(n in lacks for _, lacks in lacking)}
            for clip, lacks in lacking:
                if lacks:
                    photo = part_of(self.references, [clip.job.request.reference])
                    does = Family(wanted, tuple(lacks), photo)
                    yield Task(does.produce, (clip.job,), " ".join(wanted), place=place)

    def families(self) -> list[tuple[list[str], Place]]:
        """The scorers that are in memory together, and where."""
        places: dict[str, Place] = {
            name: "cpu" if spec.options.get("device") == "cpu" else "gpu"
            for name, spec in self.specs.items()
        }
        if self.one_at_a_time:
            return [([name], place) for name, place in places.items()]
        found: dict[Place, list[str]] = {}
        for name, place in places.items():
            found.setdefault(place, []).append(name)
        return [(names, place) for place, names in found.items()]


@dataclass(frozen=True)
class Family:
    """Scorers that are loaded together, of which ``lacking`` have not seen the clip: what another process needs.

    What they found, maybe nothing, comes with what went wrong; ``unreadable`` says that none of them could look at the clip.
    """

    specs: Mapping[str, ModelSpec]
    lacking: tuple[str, ...]
    references: References

    def produce(self, todo: list[Job]) -> Iterator[tuple[Job, Outcome]]:
        """The parts of these scorers alone."""
        loaded = load_scorers(self.specs, keep_failed=True)
        scorers = {name: loaded[name] for name in self.lacking}
        for clip in score_each([Scored(job, {}) for job in todo], scorers, self.references):
            failure = clip.all_errors() if clip.errors else None
            yield clip.job, Result(clip.parts, {"unreadable": clip.unreadable}, failure)


@dataclass
class Together:
    """A clip whose parts come in from several workers, in any order; ``left`` counts the families that have not answered."""

    scored: Scored
    order: tuple[str, ...]
    left: int = 0
    seconds: float = 0.0
    environment: dict[str, Any] = field(default_factory=dict)

    def take_in(self, outcome: Outcome) -> bool:
        """Add what a family found, or what went wrong; return whether there is something to save."""
        scored = self.scored
        self.left -= 1
        if scored.unreadable:  # it was said once
            return False
        failure = outcome.failure if isinstance(outcome, Result) else outcome
        if failure is not None:
            scored.errors.append(failure)
        if isinstance(outcome, Result):
            scored.parts |= outcome.output
            scored.unreadable = outcome.details["unreadable"]
            self.seconds += outcome.details["seconds"]
            self.environment = outcome.details["environment"]
        return scored.unreadable or bool(scored.parts) or not self.left

    def outcome(self) -> Outcome:
        """What is to be saved now, scorers and errors in the order of the parameters."""
        scored = self.scored
        scored.parts = {name: scored.parts[name] for name in self.order if name in scored.parts}
        scored.errors.sort(key=self._place)
        made = scored.outcome(finished=not self.left)
        if isinstance(made, Result) and self.environment:
            details = {"environment": self.environment, "seconds": round(self.seconds, 3)}
            return replace(made, details=details)
        return made

    def _place(self, error: Exception) -> int:
        """The place of the scorer that an error's first note names; 0 where it names none."""
        note = next(iter(getattr(error, "__notes__", ())), "")
        return next((i for i, n in enumerate(self.order) if note == scorer_note(n)), 0)
