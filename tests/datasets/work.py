"""A small stage for tests of item folders: squares of numbers as text files, and what was made."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tpige_kedro.datasets import ItemFolder
from tpige_kedro.execution.work import Job, Outcome, Result, Work, fingerprint


@dataclass
class Stage:
    """Makes ``value * value`` of each item; those in ``fail`` raise; ``made`` lists what was really made."""

    folder: Path
    values: dict[str, int]
    suffix: str = ".txt"
    fail: set[str] = field(default_factory=set)
    paid: bool = False
    verify: Any = "stat"
    untouched: frozenset[str] = frozenset()
    made: list[str] = field(default_factory=list)

    def dataset(self) -> ItemFolder:
        output = "tpige_kedro.datasets.TextFile" if self.suffix else None
        return ItemFolder(
            path=str(self.folder), suffix=self.suffix, dataset=output, verify=self.verify
        )

    def run(self, **values: int) -> ItemFolder:
        """Work off what ``values`` (else the stage's own) ask for, in a dataset that has seen nothing yet."""
        self.values = values or self.values
        self.made = []
        dataset = self.dataset()
        dataset.save(self.work())
        return dataset

    def work(self) -> Work:
        jobs = [self.job(key, value) for key, value in self.values.items()]
        return Work(
            "squares",
            jobs,
            self.produce,
            {"class": "Squares"},
            lambda job: self.paid,
            self.untouched,
        )

    def job(self, key: str, value: int) -> Job:
        return Job(key, fingerprint(value=value), value, people=(f"person_{key}",))

    def produce(self, todo: list[Job]) -> Iterator[tuple[Job, Outcome]]:
        for job in todo:
            self.made.append(job.key)
            if job.key in self.fail:
                yield job, RuntimeError(f"{job.key} cannot be squared")
            else:
                square = job.request**2
                output: Any = str(square) if self.suffix else {"square": square}
                yield job, Result(output, {"value_seen": job.request})

    def outputs(self) -> Mapping[str, Any]:
        return self.dataset().load().loaded()
