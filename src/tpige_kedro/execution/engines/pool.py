"""An engine of several workers: each takes tasks as it becomes free, and if a worker dies, only its own task is lost."""

from __future__ import annotations

import logging
import threading
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace

from kedro.io import DatasetError

from tpige_kedro.errors import ModelError, TpigeError
from tpige_kedro.execution.engines.aside import Aside
from tpige_kedro.execution.engines.protocol import Answer, Crew, Hello, Lost
from tpige_kedro.execution.engines.queues import Entry, Queues, suits
from tpige_kedro.execution.engines.seats import Seat
from tpige_kedro.execution.engines.status import Status
from tpige_kedro.execution.engines.worker import arrived
from tpige_kedro.execution.progress import Step
from tpige_kedro.execution.work import Answers, Job, Made, Outcome, Result, Task, Work, Write

logger = logging.getLogger(__name__)

SHORT = 2.0  # seconds: of tasks shorter than this a worker is given one more than it does
PATIENCE = 0.5  # seconds between two looks at time limits
STARTS = 3  # of a worker that dies before it does anything
OURS = (TpigeError, DatasetError, ValueError)  # would be raised again by another worker


class WorkerLost(TpigeError):
    """A job that was given up because every worker that tried it died."""


@dataclass(frozen=True)
class Terms:
    """How often a job is tried before it fails, and how many seconds one try may take (None: any)."""

    tries: int = 3
    time_limit: float | None = None


class Pool:
    """Works off on the workers of a ``crew``; one stage at a time.

    At most two tasks a worker are under way, so that memory is bounded whatever their number. A worker that dies, breaks its GPU or
    exceeds the time limit is replaced; what it did not finish is tried again by others, and only the task that it was doing counts as
    tried.
    """

    def __init__(self, crew: Crew, terms: Terms = Terms()) -> None:
        self.crew, self.terms = crew, terms
        self.status = Status(lambda: self._seats)
        self._seats: list[Seat] = []
        self._one_at_a_time = threading.Lock()

    def answers(
        self, todo: list[Job], work: Work, write: Write | None
    ) -> Iterator[tuple[Job, Made]]:
        """An outcome for every job; work that is not shared is done in this process, without workers."""
        if work.share is None:
            self._leave_unless_at_work()  # the models of this process may need their memory
            yield from work.produce(todo)
            return
        with self._one_at_a_time:
            self._make_room()
            yield from work.share(todo, lambda tasks: self._run(tasks, write))

    def shown_progress(self, label: str, total: int) -> AbstractContextManager[Step]:
        """A bar on a terminal, a line every now and then in a log."""
        return self.status.shown(label, total)

    def close(self) -> None:
        """End all workers."""
        self._leave()
        self.crew.close()

    def _run(self, tasks: Iterable[Task], write: Write | None) -> Answers:
        queues, here = Queues(), []
        for task in tasks:
            if task.place == "here":
                here.append(task)
            else:
                queues.add(Entry(task))
        if queues and not self._seats:
            self._seats = [Seat(place) for place in self.crew.places()]
        if queues.without_place({seat.place for seat in self._seats}):
            raise TpigeError(
                "execution.workers: there is no worker for this work; set it to 1 or more"
            )
        for seat in self._seats:
            seat.unable.clear()
        aside = Aside(here)
        try:
            while queues or any(seat.is_busy for seat in self._seats) or not aside.is_done:
                self._give_out(queues, write)
                yield from aside.finished(wait=not any(seat.given for seat in self._seats))
                for seat in self._ended(quick=not aside.is_done):
                    found = list(self._settle(seat, queues))
                    self._give_out(queues, write)  # its worker does not wait for the disk
                    yield from found
                yield from self._end_overdue(queues)
        finally:
            aside.stop()
            for seat in self._seats:
                if seat.is_busy:  # stopped in the middle: nobody will take its answer
                    seat.vacate()

    def _give_out(self, queues: Queues, write: Write | None) -> None:
        """Give every free worker a task; of short ones, one more to those who have one, while there are enough for all."""
        held = Counter(seat.holds for seat in self._seats if seat.holds)
        for given in (0, 1):
            for seat in self._seats:
                if len(seat.given) != given or not queues.waiting_at(seat.place, seat.unable):
                    continue
                if given and not self._is_quick(seat, queues):
                    continue
                if seat.worker is None:
                    seat.hire(self.crew)
                    continue
                entry = queues.take(seat.place, seat.holds, held, seat.unable)
                if entry is not None:
                    held.subtract([seat.holds])
                    seat.give(entry, write)
                    held.update([seat.holds])

    def _is_quick(self, seat: Seat, queues: Queues) -> bool:
        entry = seat.given[0][1]
        if entry is None or queues.waiting_at(seat.place) <= len(self._seats):
            return False
        seconds = queues.usual_seconds(entry.task)
        return seconds is not None and seconds < SHORT

    def _ended(self, quick: bool) -> list[Seat]:
        """The seats whose first task was answered or lost."""
        at_work = {seat.first: seat for seat in self._seats if seat.given}
        ready = self.crew.wait(at_work, PATIENCE / 10 if quick else PATIENCE) if at_work else []
        return [at_work[ticket] for ticket in ready]

    def _settle(self, seat: Seat, queues: Queues) -> Answers:
        """Take the answer of a worker; replace one that died or is broken."""
        ticket, entry = seat.take()
        try:
            answer = ticket.answer()
        except Lost as lost:
            self._put_back(seat, queues)
            if entry is None:
                self._count_start(seat, lost)
            else:
                yield from self._again(entry, entry.task.jobs, queues, lost)
            return
        if entry is None:
            self._welcome(seat, answer)
            return
        queues.took(entry.task, answer.seconds)
        self.status.spent(answer.seconds, self.crew.gpus_per_worker if seat.place == "gpu" else 0.0)
        for record in answer.said:
            logging.getLogger(record.name).handle(record)
        if answer.broken:
            self._put_back(seat, queues)
        yield from self._outcomes(seat, entry, answer, queues)

    def _outcomes(self, seat: Seat, entry: Entry, answer: Answer, queues: Queues) -> Answers:
        """What came of the jobs of a task; those that a broken worker failed at are tried again."""
        jobs = {job.key: job for job in entry.task.jobs}
        left = dict(jobs)
        for key, outcome in answer.outcomes:
            left.pop(key, None)
            outcome = with_errors_arrived(outcome)  # noqa: PLW2901
            error = outcome.failure if isinstance(outcome, Result) else outcome
            if error is not None and answer.broken:
                yield from self._again(entry, (jobs[key],), queues, error)
            elif isinstance(error, ModelError) and error.not_loaded:
                seat.unable.add(entry.task.models)
                yield from self._elsewhere(entry, jobs[key], queues, error)
            else:
                yield jobs[key], outcome
        if answer.raised is None or not left:
            return
        error = arrived(answer.raised)
        if isinstance(error, OURS) and not answer.broken:
            yield from ((job, error) for job in left.values())
        else:
            yield from self._again(entry, tuple(left.values()), queues, error)

    def _again(
        self, entry: Entry, jobs: tuple[Job, ...], queues: Queues, error: Exception
    ) -> Answers:
        """Let jobs be tried again, each by itself; after the last try they fail by name.

        Which of several jobs did harm is not known, so what they were tried together does not count.
        """
        together = len(entry.task.jobs)
        tries = entry.tries + (together == 1)
        for job in jobs:
            if tries < self.terms.tries:
                logger.warning("%s: try %d of %d: %s", job.key, tries, self.terms.tries, error)
                cost = entry.task.cost / together
                queues.add(Entry(replace(entry.task, jobs=(job,), cost=cost), tries))
            elif isinstance(error, Lost):
                yield job, given_up(job, tries, error)
            else:
                error.add_note(f"(tried {tries} times)")
                yield job, error

    def _elsewhere(self, entry: Entry, job: Job, queues: Queues, error: Exception) -> Answers:
        """Let another worker try to load the models; if none can, everything that needs them fails."""
        task = replace(entry.task, jobs=(job,), cost=entry.task.cost / len(entry.task.jobs))
        queues.add(Entry(task, entry.tries))
        able = (s for s in self._seats if task.models not in s.unable)
        if not any(suits(seat.place, task.place) for seat in able):
            for waiting in queues.drain(task):
                yield from ((left, error) for left in waiting.task.jobs)

    def _end_overdue(self, queues: Queues) -> Answers:
        for seat in self._seats:
            if seat.is_overdue(self.terms.time_limit) and not self.crew.wait([seat.first], 0):
                _, entry = seat.take()
                assert entry is not None
                self._put_back(seat, queues)
                late = Lost(
                    f"it took longer than execution.time_limit, {self.terms.time_limit:g} s"
                )
                yield from self._again(entry, entry.task.jobs, queues, late)

    def _put_back(self, seat: Seat, queues: Queues) -> None:
        """End the worker; what it had not begun waits for another."""
        for entry in seat.vacate():
            queues.add(entry)

    def _count_start(self, seat: Seat, lost: Lost) -> None:
        seat.failed_starts += 1
        if seat.failed_starts == STARTS:
            raise TpigeError(
                f"execution.engine: a worker died {STARTS} times while it started ({lost}); its log says why, see docs/many_gpus.md"
            )

    def _welcome(self, seat: Seat, hello: Hello) -> None:
        """A worker has started. Raises ``TpigeError`` if it runs other code than this process."""
        from tpige_kedro.provenance import environment

        seat.failed_starts, seat.pid = 0, hello.pid
        for name, mine in environment().items():
            theirs = hello.environment.get(name)
            if name != "device" and theirs != mine:
                raise TpigeError(
                    f"execution.engine: the worker on {hello.host} has {name} {theirs}, this process {mine}; install the same on all "
                    "machines"
                )

    def _make_room(self) -> None:
        """The workers may use the GPUs of this process."""
        from tpige_kedro.models import release_models

        release_models()

    def _leave_unless_at_work(self) -> None:
        if self._one_at_a_time.acquire(blocking=False):
            try:
                self._leave()
            finally:
                self._one_at_a_time.release()

    def _leave(self) -> None:
        for seat in self._seats:
            seat.vacate()


def with_errors_arrived(outcome: Outcome) -> Outcome:
    """The outcome, its errors as they are here."""
    if isinstance(outcome, Result):
        if outcome.failure is not None:
            arrived(outcome.failure)
        return outcome
    return arrived(outcome)


def given_up(job: Job, tries: int, lost: Lost) -> WorkerLost:
    """Why a job is not tried any more."""
    times = "once" if tries == 1 else f"{tries} times"
    return WorkerLost(
        f"{job.key}: its worker was lost {times}: {lost}; the other jobs continued. Check what is special about this one, or give "
        "workers more memory or time (docs/many_gpus.md)"
    )
