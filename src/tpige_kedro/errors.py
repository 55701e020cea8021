"""Errors that a user can act on: each names the sample or key, says what is wrong and what to do."""

from __future__ import annotations


class TpigeError(Exception):
    """Base of every error that this project raises on purpose."""


class SampleError(TpigeError):
    """One sample cannot go on; the others do."""

    def __init__(self, sample_id: str, problem: str, remedy: str) -> None:
        super().__init__(f"sample {sample_id}: {problem}; {remedy}")
        self.sample_id = sample_id
        self._parts = sample_id, problem, remedy

    def __reduce__(self) -> tuple[type[SampleError], tuple[str, str, str]]:
        """So that it can cross processes: by default, Python calls a class with the one message."""
        return type(self), self._parts


class NoFaceError(TpigeError):
    """No face was found where one is needed."""


class ClipError(TpigeError):
    """A file that cannot be used as a clip: the ``problem`` reads on after the file's name, ``remedy`` says what to do."""

    def __init__(self, problem: str, remedy: str = "") -> None:
        super().__init__(f"{problem}; {remedy}" if remedy else problem)
        self.problem, self.remedy = problem, remedy

    def __reduce__(self) -> tuple[type[ClipError], tuple[str, str]]:
        """So that it can cross processes."""
        return type(self), (self.problem, self.remedy)


class ModelError(TpigeError):
    """A model cannot be loaded: what is missing and what to set.

    ``not_loaded``: it was tried in this process, and might go in another one, for instance if its GPU is full.
    """

    not_loaded: bool = False


class AnswerError(TpigeError):
    """A language model answered, but nothing that can be used: a refusal, an empty text, the wrong form.

    ``remedy`` says what the user can do if asking again does not help; empty if the cause says nothing about it.
    """

    def __init__(self, problem: str, remedy: str = "") -> None:
        super().__init__(problem)
        self.remedy = remedy


class ServiceError(TpigeError):
    """A service gave no answer, also not after waiting and asking again."""


class BudgetError(ServiceError):
    """The user's limit on requests or spending is reached: this run sends no more requests."""


def first_line(error: BaseException) -> str:
    """The first line of an error's message, or its class.

    >>> first_line(ValueError("no file\\nat line 3")), first_line(KeyError())
    ('no file', 'KeyError')
    """
    return next(iter(str(error).strip().splitlines()), type(error).__name__)


def unforeseen(error: BaseException) -> BaseException | None:
    """``error`` if nobody raised it on purpose, so that its traceback is worth logging.

    >>> unforeseen(ModelError("no such file")) is None
    True
    """
    return None if isinstance(error, TpigeError) else error
