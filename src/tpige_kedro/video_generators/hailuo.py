"""Hailuo (MiniMax), the closed service among the paper's experts: a clip from a prompt and one picture of the person.

The service takes no seed and no guidance. It is paid per task, so each task's id is on disk as soon as it is known, and a run
that was killed goes on with the tasks that it had begun.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from tpige_kedro.errors import ModelError, SampleError, ServiceError
from tpige_kedro.models import local_path
from tpige_kedro.schemas import Guidance
from tpige_kedro.services.address import check_address
from tpige_kedro.services.secrets import read_key
from tpige_kedro.video_generators.hailuo_media import decode, request_body, request_key
from tpige_kedro.video_generators.hailuo_options import HailuoOptions
from tpige_kedro.video_generators.minimax_api import (
    AccountError,
    MinimaxApi,
    Refused,
    Unanswered,
    UnknownTask,
)
from tpige_kedro.video_generators.protocol import ClipRequest, GeneratedClip
from tpige_kedro.video_generators.task_journal import TaskJournal

logger = logging.getLogger(__name__)

KEY = "MINIMAX_API_KEY"
LONGEST_POLL = 60.0  # seconds

Outcome = tuple[ClipRequest, GeneratedClip | Exception]


@dataclass
class Task:
    """A task that the service works on."""

    request: ClipRequest
    key: str
    task_id: str
    started: float
    next_poll: float
    pause: float


class Hailuo:
    """Client of the service. Raises :class:`ModelError` immediately if the environment has no key."""

    version: ClassVar[int] = 1  # raise it when a request or its clip is put or read otherwise
    paid: ClassVar[bool] = True  # a lost result costs money
    max_references: ClassVar[int] = 1
    Options: ClassVar[type[HailuoOptions]] = HailuoOptions
    takes_guidance: ClassVar[bool] = False
    takes_seed: ClassVar[bool] = False

    def __init__(self, **options: Any) -> None:
        key = read_key(KEY)
        if not key:
            raise ModelError(
                f"hailuo: no key; set the environment variable {KEY}, or leave the variants that use hailuo out"
            )
        self.options = HailuoOptions(**options)
        check_address(self.options.base_url)
        self.api = MinimaxApi(self.options.base_url, key, self.options.backoff_seconds)
        self.journal = TaskJournal(local_path(self.options.journal))
        self.created = 0
        self.blocked = ""  # why no further task can be created

    def generate(self, requests: Sequence[ClipRequest], guidance: Guidance) -> Iterator[Outcome]:
        """See :class:`~tpige_kedro.video_generators.protocol.VideoGenerator`."""
        if guidance.identity_weight:
            raise ValueError(
                f"guidance.identity_weight: {guidance.identity_weight}; hailuo is a closed service without guidance, set 0"
            )
        waiting, running = deque(requests), list[Task]()
        while waiting or running:
            while waiting and len(running) < self.options.in_flight:
                begun = self._attempt(waiting[0], self._begin)
                request = waiting.popleft()
                if isinstance(begun, Task):
                    running.append(begun)
                else:
                    yield request, begun
            for task in [task for task in running if task.next_poll <= time.monotonic()]:
                outcome = self._attempt(task.request, lambda _, task=task: self._poll(task))
                if outcome is not None:
                    running.remove(task)
                    yield task.request, outcome
            if running:
                due = min(task.next_poll for task in running) - time.monotonic()
                time.sleep(max(0.0, due))

    def _attempt(self, request: ClipRequest, step: Any) -> Any:
        """What ``step`` gives, or the error of this sample."""
        try:
            return step(request)
        except SampleError as error:
            return error
        except AccountError as error:
            self.blocked = str(error)
            remedy = f"set {KEY} to a valid key of an account with a balance, and run again"
            return SampleError(request.sample_id, f"hailuo cannot be used ({error})", remedy)
        except (ServiceError, OSError, ValueError, KeyError, TypeError) as error:
            problem = f"hailuo made no clip ({error})"
            return SampleError(
                request.sample_id, problem, "run again; tasks already paid for continue"
            )

    def _begin(self, request: ClipRequest) -> Task:
        """The task of this request: one that an earlier run began, or a new one."""
        sent = self.options.model_dump(include={"model", "prompt_optimizer"})
        body = request_body(request, **sent)
        key, entry = self._known(request, {**sent, "base_url": self.options.base_url})
        if "refused" in entry:
            raise self._refusal(request, key, entry["refused"])
        if "task_id" in entry:
            logger.info("sample %s: continues task %s", request.sample_id, entry["task_id"])
            return self._task(request, key, entry["task_id"])
        if entry:
            raise self._unanswered(request, key)
        return self._task(request, key, self._create(request, key, body))

    def _known(self, request: ClipRequest, sent: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        """The name of a request in the journal, and what stands there; once the sample was not in the name."""
        names = [
            request_key(request, sample_id=request.sample_id, **sent),
            request_key(request, **sent),
        ]
        for name in names:
            if entry := self.journal.read(name, self._about(request)):
                return name, entry
        return names[0], {}

    def _about(self, request: ClipRequest) -> dict[str, str]:
        return {"sample_id": request.sample_id, "model": self.options.model}

    def _create(self, request: ClipRequest, key: str, body: dict[str, Any]) -> str:
        if self.blocked:
            raise AccountError(self.blocked)
        if self.created >= self.options.max_tasks:
            raise SampleError(
                request.sample_id,
                f"hailuo: {self.created} tasks were created in this run, options.max_tasks allows no more",
                "raise it, or run again",
            )
        about = self._about(request)
        self.journal.write(key, asked=time.time(), **about)
        try:
            task_id = self.api.create(body)
        except Unanswered:
            self.created += 1  # perhaps paid
            raise self._unanswered(request, key) from None
        except Refused as error:
            self.journal.write(key, refused=str(error), **about)
            raise self._refusal(request, key, str(error)) from error
        except ServiceError:
            self.journal.forget(key)  # certainly not taken
            raise
        logger.info("sample %s: task %s created", request.sample_id, task_id)
        self.journal.write(key, task_id=task_id, created=time.time(), **about)
        self.created += 1
        return task_id

    def _task(self, request: ClipRequest, key: str, task_id: str) -> Task:
        now = time.monotonic()
        pause = self.options.poll_seconds
        return Task(request, key, task_id, now, now + pause, pause)

    def _poll(self, task: Task) -> GeneratedClip | None:
        """The clip, or None while the service works on it."""
        try:
            status, file = self.api.query(task.task_id)
            if status.lower() == "success" and file:
                return self._clip(task, file)
        except Refused as error:
            about = self._about(task.request)
            self.journal.write(task.key, refused=str(error), task_id=task.task_id, **about)
            raise self._refusal(task.request, task.key, str(error)) from error
        except UnknownTask as error:
            self.journal.forget(task.key)
            raise SampleError(
                task.request.sample_id,
                f"hailuo no longer knows task {task.task_id} or its file ({error})",
                "the task is forgotten: the next run requests this clip, and pays for it, again",
            ) from error
        except AccountError:
            raise
        except ServiceError as error:
            raise ServiceError(
                f"{error}; if this persists, delete {self.journal.path(task.key)} to request it, and pay, again"
            ) from error
        if status.lower() in {"fail", "failed"}:
            self.journal.forget(task.key)
            raise ServiceError(f"task {task.task_id} failed; the next run creates a new one")
        waited = time.monotonic() - task.started
        if waited > self.options.timeout_seconds:
            raise ServiceError(f"task {task.task_id} is still {status!r} after {waited:.0f} s")
        task.pause = min(task.pause * 1.5, LONGEST_POLL)
        task.next_poll = time.monotonic() + task.pause
        return None

    def _clip(self, task: Task, file: str) -> GeneratedClip:
        frames, fps = decode(self.api.download(file, self.options.timeout_seconds))
        details = {
            "service": self.options.base_url,
            "model": self.options.model,
            "task_id": task.task_id,
            "file_id": file,
            "prompt_optimizer": self.options.prompt_optimizer,
            "seconds": round(time.monotonic() - task.started, 3),
        }
        return GeneratedClip(frames, fps, details)

    def _refusal(self, request: ClipRequest, key: str, reason: str) -> SampleError:
        return SampleError(
            request.sample_id,
            f"hailuo: {reason}",
            f"change the prompt or the reference (it is not requested again until then, or until {self.journal.path(key)} is deleted)",
        )

    def _unanswered(self, request: ClipRequest, key: str) -> SampleError:
        return SampleError(
            request.sample_id,
            "hailuo was asked for this clip and its answer never arrived: the task may have been created and paid",
            f"check your MiniMax account, then delete {self.journal.path(key)} to request it again",
        )
