"""The reference pictures of a user by name, and what is known about them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property, lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import kedro.io
from kedro.io import AbstractDataset

from tpige_kedro.datasets.leftovers import is_leftover
from tpige_kedro.datasets.picture_files.formats import PictureProblem
from tpige_kedro.datasets.picture_files.names import is_picture_name, named
from tpige_kedro.datasets.picture_files.opening import why_not_opened
from tpige_kedro.datasets.picture_files.person_folders import folder_named, pictures_in
from tpige_kedro.datasets.picture_files.reading import (
    READING,
    PictureError,
    as_reference,
    load_reference,
)
from tpige_kedro.datasets.previews import STRIP_FRAMES, strip_of
from tpige_kedro.errors import TpigeError
from tpige_kedro.execution.pictures import picture_hash
from tpige_kedro.files.errors import DatasetError
from tpige_kedro.files.known import KnownFiles

if TYPE_CHECKING:
    from kedro_datasets._typing import ImagePreview
    from PIL.Image import Image

__all__ = [
    "Checked",
    "PictureError",
    "PictureFolder",
    "Pictures",
    "References",
    "as_reference",
    "checked_picture",
    "known_files",
    "load_reference",
    "part_of",
]


def known_files(store: str | None) -> KnownFiles:
    """What is known of files, kept in ``store`` if there is one."""
    return KnownFiles(Path(store) if store else None)


@dataclass(frozen=True)
class Checked:
    """What is known of a picture file: the hash of its pixels, or the ``problem`` that it cannot be opened for."""

    hash: str
    problem: str = ""


class Pictures(Mapping[str, Callable[[], "Image"]]):
    """Reference pictures by name: each is opened, and may fail, when it is called for.

    ``files`` are those that the mapping lists; ``others`` lie beside them and are found by name too, so that an error can say what
    they are. A folder among them holds several pictures of one person, which are found as ``<folder>/<file>``. What was found out about a file is remembered in ``known`` for as long as its size and time stay the same, so that a rerun
    opens no picture.
    """

    def __init__(
        self,
        files: Mapping[str, Path],
        known: KnownFiles | None = None,
        others: Mapping[str, Path] | None = None,
    ) -> None:
        self.files = dict(files)
        self._others = dict(others or {})
        self._known = known or KnownFiles()

    def named(self, name: str) -> str:
        """The name of the file that ``name`` means, see :func:`.picture_names.named`.

        Raises:
            PictureError: there is none, or there are several; files that may have been meant are named.
        """
        if name in self.files or name in self._others or self._in_folder(name) is not None:
            return name
        others = [other for other in self._others if not is_leftover(other)]
        try:
            return named(name, [*self.files, *others])
        except PictureProblem as problem:
            raise PictureError(str(problem)) from problem

    def all_named(self, name: str) -> list[str]:
        """The names of all pictures that ``name`` means: of one picture, or of those in the folder of one person, ``<folder>/<file>``.

        Raises:
            PictureError: there is none, there are several that may have been meant, or the folder holds no pictures.
        """
        if name in self.files:
            return [name]
        try:
            exact = name[:-1] if name.endswith("/") and name[:-1] in self._folders else ""
            folder = exact or folder_named(name, self._folders, self.files)
            if folder:
                return [f"{folder}/{file}" for file in pictures_in(self._others[folder], name)]
        except PictureProblem as problem:
            raise PictureError(str(problem)) from problem
        return [self.named(name)]

    def every_name(self) -> Iterator[str]:
        """The names of all pictures, those in the folders of people included; folders that cannot be read have none."""
        yield from self.files
        for folder in self._folders:
            with suppress(PictureProblem):
                yield from (
                    f"{folder}/{file}" for file in pictures_in(self._others[folder], folder)
                )

    @cached_property
    def _folders(self) -> tuple[str, ...]:
        """The folders among the others, of one person each."""
        others = self._others.items()
        return tuple(n for n, place in others if not is_leftover(n) and place.is_dir())

    def __getitem__(self, name: str) -> Callable[[], Image]:
        return partial(_opened, self._file(name))

    def __iter__(self) -> Iterator[str]:
        return iter(self.files)

    def __len__(self) -> int:
        return len(self.files)

    def check(self, name: str) -> Checked:
        """The hash of the picture's pixels, or why it cannot be opened.

        Only hashes are remembered: what stops a picture from being opened (a permission, a network disk) may pass while its
        file stays as it is.
        """
        file = self._file(name)
        try:
            return Checked(self._known.fact(f"picture_hash_{READING}", file, _hash))
        except kedro.io.DatasetError as error:  # says which file, what is wrong and what to do
            return Checked("", str(error))
        except OSError as error:
            return Checked("", f"reference {file}: {why_not_opened(file, error)}")

    def part(self, names: Iterable[str]) -> Pictures:
        """Some of them, with what is known of their files: what another process needs to open them."""
        found = {}
        for name in names:
            try:
                found[name] = self._file(name).absolute()
                self.check(name)  # whose result travels too
            except (KeyError, OSError):
                continue  # whoever opens it says what is wrong
        return Pictures(found, self._known.part(found.values()))

    def remember(self) -> None:
        """Keep what was found out for the next run."""
        self._known.save()

    def _file(self, name: str) -> Path:
        try:
            found = self.named(name)
        except PictureError as error:
            raise KeyError(name) from error
        inside = self._in_folder(found)
        return self.files.get(found) or inside or self._others[found]

    def _in_folder(self, name: str) -> Path | None:
        """The file ``<folder>/<file>`` of a person's folder, if it is there."""
        folder, _, file = name.partition("/")
        place = self._others.get(folder)
        if place is None or not file or "/" in file or file in {".", ".."}:
            return None
        return place / file if (place / file).is_file() else None


def _opened(file: Path) -> Image:
    try:
        state = file.stat()
    except OSError:
        return load_reference(file)  # says what is wrong
    return _kept(file, state.st_size, state.st_mtime_ns)


@lru_cache(maxsize=2)  # the samples of a person follow each other, and scoring opens one ahead
def _kept(file: Path, size: int, mtime_ns: int) -> Image:
    """The picture, opened once for all who ask for it in a row; nobody changes it."""
    return load_reference(file)


# by name, opened when called
if TYPE_CHECKING:
    References = Mapping[str, Callable[[], Image]]
else:  # Kedro resolves the hints of nodes at run time, and Pillow is not imported for that
    References = Mapping[str, Callable[[], Any]]


def part_of(references: References, names: Iterable[str]) -> References:
    """Some of the pictures, for another process."""
    wanted = list(names)
    if isinstance(references, Pictures):
        return references.part(wanted)
    return {name: references[name] for name in wanted if name in references}


def checked_picture(references: References, name: str, expected: str) -> Image:
    """The picture ``name``, which must be the one that was checked: the hash of its pixels is ``expected``.

    Raises:
        TpigeError: it is gone, or another picture.
        PictureError: it cannot be opened.
    """
    if name not in references:
        raise TpigeError(f"reference {name} is gone; put the picture back and run again")
    if isinstance(references, Pictures):
        checked = references.check(name)
        if checked.problem:
            raise PictureError(checked.problem)
        if checked.hash != expected:
            raise TpigeError(
                f"reference {name} was changed since the samples were checked; run prompt_enhancement (or full) again"
            )
    found: Image = references[name]()
    return found


def picture_files(folder: Path) -> tuple[dict[str, Path], dict[str, Path]]:
    """The files of a folder by name: those with the name of a picture, and all others."""
    with os.scandir(folder) as found:
        entries = sorted((entry.name, entry.is_dir()) for entry in found)
    pictures = {
        name
        for name, is_dir in entries
        if not is_dir and is_picture_name(name) and not is_leftover(name)
    }
    files = {name: folder / name for name, _ in entries}
    return (
        {name: file for name, file in files.items() if name in pictures},
        {name: file for name, file in files.items() if name not in pictures},
    )


def _hash(file: Path) -> str:
    return picture_hash(load_reference(file))


class PictureFolder(AbstractDataset[None, Pictures]):
    """The pictures of a folder by file name, read-only; each is loaded, and may fail, on access.

    ``known`` is a file that caches facts about them.
    """

    def __init__(
        self, *, path: str, known: str | None = None, metadata: dict[str, Any] | None = None
    ) -> None:
        super().__init__()
        self._path = Path(path)
        self._known = known
        self.metadata = metadata

    def load(self) -> Pictures:
        """The picture files. Raises ``DatasetError`` if the folder is absent."""
        if not self._path.is_dir():
            raise DatasetError(
                f"{self._path}: no such folder; put the reference pictures there, or set samples_root to a folder with "
                "samples.csv and references/ (kedro run --params=samples_root=/path)"
            )
        files, others = picture_files(self._path)
        return Pictures(files, known_files(self._known), others)

    def save(self, data: None) -> NoReturn:
        """Refused: references are the user's own files."""
        raise DatasetError("reference pictures are only read")

    def preview(self) -> ImagePreview:  # Kedro-Viz reads this very name: not "| None"
        """The first four pictures side by side, for Kedro-Viz."""
        files = list(picture_files(self._path)[0].values())[:STRIP_FRAMES]
        return strip_of([load_reference(file) for file in files]) if files else None  # type: ignore[return-value]  # see the first line

    def _describe(self) -> dict[str, Any]:
        return {"path": str(self._path)}

    def _exists(self) -> bool:
        return self._path.is_dir()
