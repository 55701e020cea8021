"""Clips made elsewhere: nothing is generated, the files are taken as they are."""

from __future__ import annotations

from pathlib import Path
from string import Formatter
from typing import ClassVar

from tpige_kedro.errors import ModelError, SampleError
from tpige_kedro.schemas import ModelSpec

IMPORTED = f"{__name__}.Imported"


class Imported:
    """A folder of finished clips; ``pattern`` says where the clip of a sample by a variant is.

    ``{variant}/{sample_id}.mp4`` is a folder a variant; ``{sample_id}.mp4`` is one folder for one variant.
    """

    version: ClassVar[int] = 1  # raise it when a file is taken otherwise
    source_is_weights: ClassVar[bool] = False  # each clip counts by its own content

    def __init__(
        self, source: str, revision: str | None = None, pattern: str = "{variant}/{sample_id}.mp4"
    ) -> None:
        fields = {name for _, name, _, _ in Formatter().parse(pattern) if name is not None}
        if "sample_id" not in fields or fields - {"variant", "sample_id"}:
            raise ModelError(
                f"imported clips: pattern {pattern!r} must hold {{sample_id}}, may hold {{variant}}, and nothing else in braces"
            )
        self.folder = Path(source)
        self.pattern = pattern

    def find(self, variant: str, sample_id: str) -> Path:
        """The file of a clip. Raises :class:`SampleError` if it is not there."""
        file = self.folder / self.pattern.format(variant=variant, sample_id=sample_id)
        if not file.is_file():
            raise SampleError(
                sample_id, f"no clip {file}", "put it there, or take the sample from the list"
            )
        return file


def is_imported(model: ModelSpec) -> bool:
    """Whether a model stands for clips made elsewhere."""
    return model.type == IMPORTED
