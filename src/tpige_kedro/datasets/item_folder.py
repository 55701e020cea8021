"""The item folder: a dataset with one item per key; a rerun trusts contents, not names.

Beside each output ``<key><suffix>`` lies its record ``<key>.json``, which is written last: an item exists when its record does. The
record binds the output (sha256, size, time), what it was made from (fingerprint) and who made it. Items whose output is JSON
have it in the record. ``_index.json`` lists what the latest run asked for.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from kedro.io import AbstractDataset
from kedro.io.core import parse_dataset_definition

from tpige_kedro.datasets.item_index import (
    INDEX,
    finished_files,
    read_index,
    sweep_items,
    write_index,
)
from tpige_kedro.datasets.items import Item, Items
from tpige_kedro.datasets.looking import Look, Looks
from tpige_kedro.datasets.previews import STRIP_FRAMES, strip_of
from tpige_kedro.datasets.records import (
    DAMAGED,
    SUFFIX,
    Failure,
    output_entry,
    read_record,
    value_hash,
)
from tpige_kedro.datasets.seen import SEEN
from tpige_kedro.execution.local import work_off
from tpige_kedro.execution.tally import message_of
from tpige_kedro.execution.work import Finished, Job, Result, Work, Write
from tpige_kedro.files.atomic import save_atomically, save_bytes
from tpige_kedro.files.errors import DatasetError
from tpige_kedro.files.seal import Damaged, sealed

if TYPE_CHECKING:
    from kedro_datasets._typing import ImagePreview

logger = logging.getLogger(__name__)

SHOWN = 3  # damaged files named in one line
Verify = Literal["stat", "full"]


class PaidError(DatasetError):
    """An item is damaged and is not made again, because that costs money."""


class ItemFolder(AbstractDataset[Work, Items]):
    """Items that are made one by one, saved as they are finished, and kept for as long as nothing they depend on changes.

    ``save`` takes the :class:`Work` that a node returns and processes it. ``load`` gives the :class:`Items`.

    ``suffix`` and ``dataset`` say what the outputs are: ``suffix: .mp4, dataset: tpige_kedro.datasets.Mp4Dataset``. Without them
    outputs are JSON values inside the records. ``verify: full`` compares the sha256 of every file; ``stat`` does so only if size or
    time differ from the committed ones.
    """

    def __init__(
        self,
        *,
        path: str,
        suffix: str = "",
        dataset: str | dict[str, Any] | None = None,
        verify: Verify = "stat",
        metadata: dict[str, Any] | None = None,
    ) -> None:
        super().__init__()
        if suffix == SUFFIX:
            raise DatasetError(f"{path}: outputs cannot end in {SUFFIX}, which records do")
        self.path = self._path = Path(path)
        self._suffix = suffix
        self._looks = Looks(self._path, suffix, full=verify == "full")
        self._items: Items | None = None  # of the run that writes here, until it releases them
        self._is_writing = False
        self._mark = ""  # of what was loaded last; nothing was written since
        self._groups: Collection[str] | None = None  # what their keys begin with; None: all
        if dataset is not None:
            config = dataset if isinstance(dataset, dict) else {"type": dataset}
            self._type, self._config = parse_dataset_definition(config)
        self.metadata = metadata

    def choose(self, groups: Collection[str]) -> None:
        """From now on only items of these groups (``<group>/<name>``) are loaded; the others stay as they are."""
        self._groups = groups
        self._items, self._mark = None, ""

    def _asked(self) -> Iterator[tuple[str, str]]:
        """The keys that the latest run asked for, with their fingerprints; only those of the groups that are chosen."""
        for key, mark in read_index(self._path).items():
            if self._groups is None or key.partition("/")[0] in self._groups:
                yield key, mark

    def load(self) -> Items:
        """The items that the latest run requested and that exist; reads records, no outputs.

        While a run writes here nobody else does, so that what it has loaded once stays true until it writes again.
        """
        if self._items is not None:
            return self._items
        items = self._look()
        self._mark = items.mark()
        if self._is_writing:
            self._items = items
        return items

    def _look(self) -> Items:
        items, failures, damaged = {}, {}, []
        for key, mark in self._asked():
            look = self._looks.at(key, mark)
            failure = None if look.is_complete else look.failure
            if failure is not None and failure.fingerprint == mark:
                failures[key] = failure
            elif look.problem:
                failures[key] = Failure(key, mark, DAMAGED, self._told(look))
            if look.is_made:
                items[key] = Item(key, look.sha256, self)
            elif look.problem:
                damaged.append(f"{self._path.name}/{look.problem}")
        _report("left out until the stage that makes them runs again", damaged)
        return Items(items, failures)

    def mark(self) -> str:
        """A hash of the items and their contents; what a node has loaded or saved is not checked again."""
        return self._mark or self.load().mark()

    def first(self, count: int, prefix: str = "") -> list[Item]:
        """The first ``count`` items whose key begins with ``prefix``, without looking at the others."""
        asked = ((key, mark) for key, mark in self._asked() if key.startswith(prefix))
        looks = ((key, self._looks.at(key, mark)) for key, mark in asked)
        made = (Item(key, look.sha256, self) for key, look in looks if look.is_made)
        return list(islice(made, count))

    def save(self, data: Work) -> None:
        """Make what is missing; see :func:`.work_off`."""
        self._is_writing = True
        work_off(data, self)

    def plan(self, work: Work) -> list[Job]:
        """Note what is requested, delete leftovers of killed runs, and return the jobs that are left to do."""
        for job in work.jobs:
            if job.key.startswith("/") or ".." in job.key.split("/"):
                raise DatasetError(f"{job.key!r} is a path outside of {self._path}, no key")
        earlier = read_index(self._path) if work.untouched else {}
        asked = {k: mark for k, mark in earlier.items() if k.partition("/")[0] in work.untouched}
        asked |= {job.key: job.fingerprint for job in work.jobs}
        self._items, self._mark = None, ""
        write_index(self._path, asked)
        sweep_items(self._path)
        todo, damaged, kept = [], [], {}
        for job, look in self.compared(work):
            if look.is_complete:
                self._refresh(job.key, look)
                kept[job.key] = Item(job.key, look.sha256, self)
                continue
            if look.problem and work.paid(job):
                job = replace(job, request=self._paid_for(job, look))  # noqa: PLW2901
            elif look.problem:
                damaged.append(f"{self._path.name}/{look.problem}")
            todo.append(self._with_previous(job, look))
        self._looks.remember(asked)
        _report("made again", damaged)
        if len(kept) == len(asked):  # the next stage need not look again
            self._items = Items(kept, {})
            self._mark = self._items.mark()
            self._looks.forget_all()
        return todo

    def compared(self, work: Work) -> Iterator[tuple[Job, Look]]:
        """Each job with what is on the disk of its item: those that are not complete are left to do. Writes nothing."""
        for job in work.jobs:
            yield job, self._looks.at(job.key, job.fingerprint)

    def commit(self, job: Job, result: Result, seconds: float, work: Work) -> None:
        """Save the output, then the record that binds it."""
        from tpige_kedro.provenance import environment

        if self._suffix:
            made: dict[str, Any] = {"output": self._save_output(job.key, result.output)}
        else:
            made = {"value": result.output, "sha256": value_hash(result.output)}
        record = {
            "key": job.key,
            "people": list(job.people),
            "fingerprint": job.fingerprint,
            **made,
            "maker": work.maker,
            "environment": environment(),
            "seconds": round(seconds, 3),
            **result.details,
        }
        if result.partial or result.failure is not None:
            record["partial"] = True
        if result.failure is not None:
            record["failure"] = _describe(job, result.failure)
        self._write_record(job.key, record)

    def _save_output(self, key: str, output: Any) -> dict[str, str | int]:
        """Save an output and return what the record says of its file. Raises ``DatasetError`` if its bytes were changed on their way."""
        file = self._file(key, self._suffix)
        if not isinstance(output, Finished):
            assert self.write is not None
            save_atomically(file, partial(self.write, output))
            return output_entry(file)
        save_atomically(file, lambda temporary: _write_bytes(temporary, output.data))
        entry = output_entry(file)
        if entry["sha256"] != output.sha256:
            raise DatasetError(
                f"{file} is not what its worker made: the bytes changed in transfer or on the disk; check both and run again"
            )
        return entry

    @property
    def write(self) -> Write | None:
        """Writes an output to a file, also in another process; None where outputs are JSON."""
        return partial(_write, self._type, self._config) if self._suffix else None

    def __reduce__(self) -> tuple[Any, ...]:
        """It travels as its configuration: what it has seen stays here."""
        output = {"type": self._type, **self._config} if self._suffix else None
        return _folder, (str(self._path.absolute()), self._suffix, output)

    def fail(self, job: Job, error: Exception) -> None:
        """Save why; what an earlier attempt finished stays in the record, with its file.

        The damaged record of a paid item stays as it is: it is what protects the item from being paid again.
        """
        record: dict[str, Any] = {"key": job.key, "people": list(job.people)}
        try:
            record = self.record_of(job.key)
        except FileNotFoundError:
            pass
        except Damaged:
            if isinstance(error, PaidError):
                return
        self._write_record(job.key, {**record, "failure": _describe(job, error)})

    @property
    def files_per_item(self) -> int:
        """A record, and the output if that is a separate file."""
        return 2 if self._suffix else 1

    def leftovers(self) -> Iterator[Path]:
        """The records of items that the latest run did not request."""
        asked = read_index(self._path)
        for name in finished_files(str(self._path)):
            if (
                name.endswith(SUFFIX)
                and name not in (INDEX, SEEN)
                and name.removesuffix(SUFFIX) not in asked
            ):
                yield self._path / name

    def path_of(self, key: str) -> Path:
        """Where the output of an item is or would be; its record, if the value is in there."""
        return self._file(key, self._suffix or SUFFIX)

    def load_item(self, key: str) -> Any:
        """The output of an item."""
        if self._suffix:
            return self._dataset(self._file(key, self._suffix)).load()
        return self.record_of(key)["value"]

    def record_of(self, key: str) -> dict[str, Any]:
        """Everything that an item's record says."""
        return read_record(self._file(key, SUFFIX), key)

    def preview(self) -> ImagePreview:  # Kedro-Viz reads this very name: not "| None"
        """A strip of four for Kedro-Viz: frames of the first clip, or the first four pictures; base64 PNG."""
        items = list(self.load().values())[:STRIP_FRAMES] if self._suffix else []
        first: Any = items[0].load() if items else None
        if hasattr(first, "even_frames"):
            return strip_of(first.even_frames(STRIP_FRAMES))
        if hasattr(first, "convert"):
            return strip_of([first, *(item.load() for item in items[1:])])
        return None  # type: ignore[return-value]  # see the first line

    def _told(self, look: Look) -> str:
        """How a file differs from what was saved, and what to do."""
        name = self._path.name
        return f"{name}/{look.problem}; run the pipeline that makes {name} again"

    def _paid_for(self, job: Job, look: Look) -> PaidError:
        return PaidError(
            f"{job.key}: {self._path.name}/{look.problem}, and it was paid for; put the file back, or delete "
            f"{self._file(job.key, SUFFIX)} to request and pay for it again"
        )

    def _with_previous(self, job: Job, look: Look) -> Job:
        if self._suffix or not look.sha256:
            return job
        return replace(job, previous=self.load_item(job.key))

    def _refresh(self, key: str, look: Look) -> None:
        """Bring the record of a finished item up to date: no failure of a later attempt, and the time of its file.

        The file may have a new time if it was copied; with that in the record it is hashed once.
        """
        if not look.moved and look.failure is None:
            return
        record = self.record_of(key)
        record.pop("failure", None)
        if look.moved:
            record["output"]["mtime_ns"] = self._file(key, self._suffix).stat().st_mtime_ns
        self._write_record(key, record)

    def _write_record(self, key: str, record: Mapping[str, Any]) -> None:
        save_bytes(self._file(key, SUFFIX), sealed(record))
        self._looks.forget(key)
        self._items, self._mark = None, ""

    def _release(self) -> None:
        """The run needs it no more: forget what was seen of every item."""
        self._items, self._is_writing = None, False
        self._looks.forget_all()

    def _file(self, key: str, suffix: str) -> Path:
        return self._path / f"{key}{suffix}"

    def _dataset(self, file: Path) -> Any:
        return self._type(**self._config, filepath=str(file))  # type: ignore[call-arg]  # a class that keeps one file

    def _describe(self) -> dict[str, Any]:
        return {"path": str(self._path), "suffix": self._suffix}

    def _exists(self) -> bool:
        return (self._path / INDEX).is_file()


def _folder(path: str, suffix: str, dataset: dict[str, Any] | None) -> ItemFolder:
    return ItemFolder(path=path, suffix=suffix, dataset=dataset)


def _write(dataset: Any, config: dict[str, Any], output: Any, file: Path) -> None:
    dataset(**config, filepath=str(file)).save(output)


def _write_bytes(file: Path, data: bytes) -> None:
    file.write_bytes(data)


def _describe(job: Job, error: Exception) -> dict[str, str]:
    return {
        "fingerprint": job.fingerprint,
        "error": type(error).__name__,
        "message": message_of(error),
    }


def _report(what_follows: str, damaged: Iterable[str]) -> None:
    found = list(damaged)
    if found:
        more = f" and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
        shown = "; ".join(found[:SHOWN])
        logger.warning("not as they were saved, %s: %s%s", what_follows, shown, more)
