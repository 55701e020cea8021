"""What a run would find left to do: the nodes of the stages say what there should be, the item folders what there is."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from kedro.pipeline import Pipeline
from kedro.pipeline.node import Node

from tpige_kedro.datasets import ItemFolder
from tpige_kedro.datasets.items import Item, Items
from tpige_kedro.datasets.records import DAMAGED, Failure
from tpige_kedro.execution.tally import message_of
from tpige_kedro.execution.work import Job, Work
from tpige_kedro.planning.stand_ins import ENHANCED, OnlyRead, stand_in
from tpige_kedro.weights.hub import without_asking

if TYPE_CHECKING:
    from kedro.io import DataCatalog

LAST = ("clip_scores", "set_score_items")  # what follows from them is computed in moments


@dataclass
class Part:
    """The items of a folder that belong to one variant, or all of them. ``left`` are keys that a run would make."""

    dataset: str
    label: str  # of the work, as in counts and messages of a run
    group: str
    folder: ItemFolder
    shared: bool  # workers can do it
    by_rules: bool = False  # no model is asked
    kept: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    failed: int = 0  # of those left: tried before, without success
    impossible: dict[str, str] = field(default_factory=dict)  # by key: why a run would not make it


@dataclass
class Left:
    """All parts in the order of the stages; how many samples can be used, and how many cannot."""

    parts: list[Part] = field(default_factory=list)
    samples: int = 0
    refused: int = 0


def look(pipeline: Pipeline, catalog: DataCatalog) -> Left:
    """Ask every node that makes items, of ``pipeline`` and before, what it would do. Loads no model and writes nothing.

    What a run would make stands in for itself, so that whatever is made of it is left, too. An item that failed with the very same
    inputs counts as left, and what is made of it as impossible, as long as it is not there.
    """
    with quiet(), without_asking():
        values: dict[str, Any] = {}
        found = Left()
        for node in pipeline.to_outputs(*LAST).nodes:
            _ask(node, catalog, values, found)
    found.samples, found.refused = len(values["checked_samples"]), len(values["sample_issues"])
    return found


def _ask(node: Node, catalog: DataCatalog, values: dict[str, Any], found: Left) -> None:
    inputs = {name: _loaded(name, catalog, values) for name in node.inputs}
    for name, output in node.run(inputs).items():
        if isinstance(output, Work):
            folder = catalog.get(name)
            assert isinstance(folder, ItemFolder), name
            parts, values[name] = compared(name, output, folder, inputs)
            found.parts += parts
        else:
            values[name] = output


def _loaded(name: str, catalog: DataCatalog, values: Mapping[str, Any]) -> Any:
    if name in values:
        return values[name]
    value = catalog.load(name)
    return OnlyRead(value) if name == "references" else value


def compared(
    name: str, work: Work, folder: ItemFolder, inputs: dict[str, Any]
) -> tuple[list[Part], Items]:
    """What is left of a ``work``, by group, and the items as the next node would see them after a run."""
    parts: dict[str, Part] = {}
    items: dict[str, Item] = {}
    failures: dict[str, Failure] = {}
    for job, seen in folder.compared(work):
        part = parts.get(job.group)
        if part is None:
            shared, by_rules = work.share is not None, name == ENHANCED
            part = Part(name, work.label, job.group, folder, shared, by_rules)
            parts[job.group] = part
        if seen.is_complete:
            part.kept.append(job.key)
            items[job.key] = Item(job.key, seen.sha256, folder)
        elif problem := _never_made(job, seen.problem, work):
            part.impossible[job.key] = problem
            error = DAMAGED if seen.problem else type(job.request).__name__
            failures[job.key] = Failure(job.key, job.fingerprint, error, problem)
        else:
            part.left.append(job.key)
            failed = seen.failure if seen.failure and seen.failure.fingerprint == job.fingerprint else None  # fmt: skip
            part.failed += failed is not None
            if failed is not None and not seen.is_made:
                failures[job.key] = failed
            else:
                items[job.key] = stand_in(name, job, work, inputs)
    return list(parts.values()), Items(items, failures)


def _never_made(job: Job, damage: str, work: Work) -> str:
    """Why a run would not make an item that is not there; empty if it would."""
    if isinstance(job.request, Exception):
        return message_of(job.request)
    return f"{damage}, and it was paid for" if damage and work.paid(job) else ""


@contextmanager
def quiet() -> Iterator[None]:
    """Without the warnings of nodes, which are about stand-ins here."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(before)
