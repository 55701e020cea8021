"""Stand-ins for items that a run would make, so that later stages can say what they would do with them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tpige_kedro.datasets.items import Item
from tpige_kedro.datasets.pictures import Checked, Pictures
from tpige_kedro.execution.work import Job, Result, Work

TO_BE_MADE = "to be made"  # the mark of such an item: no fingerprint of anything finished holds it
FACES, ENHANCED, WRITTEN = "face_attributes", "enhanced_prompt_items", "written_reference_prompts"


class Unmade:
    """The source of items that do not exist yet; ``values`` are what later stages read from them, by key."""

    def __init__(self) -> None:
        self.values: dict[str, Any] = {}

    def item(self, key: str, value: object = None) -> Item:
        """An item with this value."""
        self.values[key] = value
        return Item(key, TO_BE_MADE, self)

    def path_of(self, key: str) -> Path:
        """There is none: looking for it is a defect."""
        raise FileNotFoundError(key)

    def load_item(self, key: str) -> Any:
        """The value that stands for the real one."""
        return self.values[key]

    def record_of(self, key: str) -> dict[str, Any]:
        """There is none: looking for it is a defect."""
        raise FileNotFoundError(key)


def is_unmade(item: Item | None) -> bool:
    """Whether an item is a stand-in."""
    return item is not None and isinstance(item.source, Unmade)


def stand_in(name: str, job: Job, work: Work, inputs: dict[str, Any]) -> Item:
    """What stands for the item of a ``job`` of the dataset ``name``.

    Prompts are put together by rules that need no model, so that they are what a run would make, if only the face was read. Other
    items have a value that differs from any real one, where one is read at all.
    """
    unmade = Unmade()
    if name == FACES:
        return unmade.item(job.key, {})
    if name == WRITTEN:
        return unmade.item(job.key, {"text": "", "problem": TO_BE_MADE})
    if name != ENHANCED:
        return unmade.item(job.key)
    read = [inputs[FACES].get(job.key), *(inputs["rewritten_prompts"].get(s) for s in job.request)]
    if any(map(is_unmade, read)):
        return unmade.item(job.key, {sample: _prompt(text) for sample, text in job.request.items()})
    ((_, outcome),) = work.produce([job])
    assert isinstance(outcome, Result)
    return unmade.item(job.key, outcome.output)


def _prompt(text: str) -> dict[str, str]:
    enhanced = f"{text} ({TO_BE_MADE})"
    return {"enhanced_prompt": enhanced, "clause": "", "source": "none", "note": "", "flags": ""}


class OnlyRead:
    """Reference pictures of which nothing new is remembered on the disk."""

    def __init__(self, pictures: Pictures) -> None:
        self._pictures = pictures

    def named(self, name: str) -> str:
        """The name of the file that ``name`` means."""
        return self._pictures.named(name)

    def all_named(self, name: str) -> list[str]:
        """The names of all pictures that ``name`` means."""
        return self._pictures.all_named(name)

    def check(self, name: str) -> Checked:
        """The hash of the picture, or why it cannot be opened."""
        return self._pictures.check(name)

    def remember(self) -> None:
        """Nothing."""
