"""What the models of a run need from the hub: cached, to be downloaded, or out of reach."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from tpige_kedro.errors import ModelError
from tpige_kedro.hooks.resources.problem import Problem, problem_of
from tpige_kedro.schemas import Parameters
from tpige_kedro.weights.needs import needs_of
from tpige_kedro.weights.parts import SOURCE, Part, parts_of
from tpige_kedro.weights.sources import resolve_source

AT_ONCE = 8  # repositories that the hub is asked for at the same time


class Answer(Protocol):
    """What cache and hub say about a part."""

    @property
    def bytes(self) -> int:
        """How many are still to be downloaded."""


Ask = Callable[[Part], Answer]  # raises ModelError where the part cannot be had


@dataclass(frozen=True)
class Download:
    """Files of one hub id at one revision, and the models that need them: ``size`` bytes to download, or a problem."""

    part: Part
    models: tuple[str, ...]
    size: int = 0
    problem: str = ""


def wanted_of_hub(needed: Mapping[str, str], parameters: Parameters) -> list[Download]:
    """Each hub id and revision once, with all that the models of this run need from it; sends no request."""
    needs = needs_of({name: parameters.models[name] for name in needed})
    return [Download(need.part, need.models) for need in needs if not need.is_local]


def look_at_hub(needed: Mapping[str, str], parameters: Parameters, ask: Ask) -> list[Download]:
    """Query each hub id of this run, several at a time; what is cached completely costs no request."""
    wanted = wanted_of_hub(needed, parameters)
    with ThreadPoolExecutor(AT_ONCE) as threads:
        return list(threads.map(lambda download: _asked(download, ask), wanted))


def _asked(download: Download, ask: Ask) -> Download:
    try:
        return replace(download, size=ask(download.part).bytes)
    except ModelError as error:
        return replace(download, problem=str(error))


def check_hub(downloads: Sequence[Download], needed: Mapping[str, str]) -> Iterator[Problem]:
    """Hub ids whose files cannot be had."""
    for download in downloads:
        if download.problem:
            place = repr(download.part.place)
            at = f" at {download.part.revision}" if download.part.revision else ""
            reason = download.problem.removeprefix(f"model source {place}").removeprefix(at)
            reason = reason.removeprefix(": ")
            detail = f" from {place}"
            yield problem_of(download.models, needed, reason, detail, missing=True)


def check_options(needed: Mapping[str, str], parameters: Parameters) -> Iterator[Problem]:
    """Options that name weights and are neither a file, nor a folder, nor a hub id."""
    for name in needed:
        for part in parts_of(parameters.models[name]):
            try:
                if part.option != SOURCE:
                    resolve_source(part.place)
            except ModelError as error:
                text = str(error).replace("models.<name>.source", f"options.{part.option}")
                yield problem_of([name], needed, text, missing=True)


def hub_cache() -> Path:
    """The folder that downloads go to."""
    from huggingface_hub import constants

    return Path(constants.HF_HUB_CACHE)


def ask_hub(part: Part) -> Answer:
    """What the cache says, else the hub: one request, and one more where it is gated."""
    from tpige_kedro.weights.remote import look

    return look(part)
