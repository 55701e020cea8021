"""Requests a text, checks it, and retries with feedback, a bounded number of times."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from tpige_kedro.errors import AnswerError, ServiceError
from tpige_kedro.prompts.checks import CheckFailure


@dataclass(frozen=True)
class Asked:
    """The text that passed, or the empty string and why; and the answers that did not pass."""

    text: str
    problem: str
    attempts: tuple[dict[str, Any], ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain types for JSON."""
        return {"text": self.text, "problem": self.problem, "attempts": list(self.attempts)}


def ask_until_good(
    ask: Callable[[Sequence[str]], str],
    check: Callable[[str], list[CheckFailure]],
    attempts: int,
) -> Asked:
    """Up to ``attempts`` answers of ``ask``, which gets what failed in the last one.

    A service that stops answering after it was paid for an answer ends the asking, so that no later run pays again.

    Raises:
        ServiceError: there was no answer at all.
    """
    failed: list[dict[str, Any]] = []
    failures: list[CheckFailure] = []
    remedy = ""
    for _ in range(attempts):
        text = ""
        try:
            text = ask([str(failure) for failure in failures])
            failures, remedy = check(text), ""
        except AnswerError as error:
            failures, remedy = [CheckFailure("answer", str(error))], error.remedy
        except ServiceError as error:
            if not failed:
                raise
            return Asked("", f"{_told(failures)}; then {error}", tuple(failed))
        if not failures:
            return Asked(text, "", tuple(failed))
        told = [{"check": failure.check, "detail": failure.detail} for failure in failures]
        failed.append({"text": text, "failed": told})
    advice = f"; {remedy}" if remedy else ""
    return Asked("", f"{_told(failures)} (asked {attempts} times){advice}", tuple(failed))


def _told(failures: Sequence[CheckFailure]) -> str:
    return "; ".join(map(str, failures))
