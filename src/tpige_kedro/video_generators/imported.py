"""Clips made elsewhere: nothing is generated, the files are taken as they are."""

from __future__ import annotations

from pathlib import Path
from string import Formatter
from typing import Annotated, ClassVar

from pydantic import AfterValidator

from tpige_kedro.errors import ModelError, SampleError
from tpige_kedro.schemas import ModelSpec

IMPORTED = f"{__name__}.Imported"


def checked_pattern(pattern: str) -> str:
    """``pattern``. Raises ``ValueError`` if it does not say where the clip of a sample is."""
    fields = {name for _, name, _, _ in Formatter().parse(pattern) if name is not None}
    if "sample_id" not in fields or fields - {"variant", "sample_id"}:
        raise ValueError(
            f"pattern {pattern!r} must hold {{sample_id}}, may hold {{variant}}, and nothing else in braces"
        )
    return pattern


ClipPattern = Annotated[str, AfterValidator(checked_pattern)]  # checked before a run


class Imported:
    """A folder of finished clips; ``pattern`` says where the clip of a sample by a variant is.

    ``{variant}/{sample_id}`` is one folder per variant, ``{sample_id}`` is one folder for one variant. Without a suffix, any video file
    of that name is the clip (``s1.mp4``, ``s1.WEBM``, ``s1.mov``, …); with one, ``{sample_id}.mp4``, only that very file is.
    """

    version: ClassVar[int] = 1  # raise it when a file is taken otherwise
    source_is_weights: ClassVar[bool] = False  # each clip counts by its own content
    takes_seed: ClassVar[bool] = False

    def __init__(
        self,
        source: str,
        revision: str | None = None,
        pattern: ClipPattern = "{variant}/{sample_id}",
    ) -> None:
        try:
            checked_pattern(pattern)
        except ValueError as error:
            raise ModelError(f"imported clips: {error}") from error
        self.folder = Path(source)
        self.pattern = pattern
        self._listed: dict[Path, dict[str, list[Path]]] = {}

    def find(self, variant: str, sample_id: str) -> Path:
        """The file of a clip. Raises :class:`SampleError` if it is missing, or if two files match."""
        from tpige_kedro.datasets.clip_files.containers import SUFFIXES, composed

        file = self.folder / self.pattern.format(variant=variant, sample_id=sample_id)
        if Path(self.pattern).suffix.lower() in SUFFIXES:
            if file.is_file():
                return file
            raise self._absent(sample_id, file)
        found = self._clips_in(file.parent).get(composed(file.name), [])
        if len(found) > 1:
            names = " and ".join(clip.name for clip in found)
            problem = f"several files for its one clip in {file.parent}: {names}"
            raise SampleError(sample_id, problem, "remove all but one")
        if not found:
            raise self._absent(sample_id, file.with_name(f"{file.name}.mp4"))
        return found[0]

    def _clips_in(self, folder: Path) -> dict[str, list[Path]]:
        """The folder's clips by stem, listed once."""
        from tpige_kedro.datasets.clip_files.containers import clip_files

        if folder not in self._listed:
            self._listed[folder] = clip_files(folder)
        return self._listed[folder]

    def _absent(self, sample_id: str, file: Path) -> SampleError:
        from tpige_kedro.datasets.clip_files.containers import resembling

        seen = resembling(file.parent, file.stem)
        there = f" (there is {', '.join(seen)})" if seen else ""
        remedy = "put it there, or remove the sample from the list"
        return SampleError(sample_id, f"no clip {file}{there}", remedy)


def is_imported(model: ModelSpec) -> bool:
    """Whether a model stands for clips made elsewhere."""
    return model.type == IMPORTED
