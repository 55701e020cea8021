"""A folder with one file per item, of which a killed run leaves only whole files."""

from __future__ import annotations

import io
from base64 import b64encode
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kedro_datasets.partitions import PartitionedDataset

from tpige_kedro.datasets.atomic import is_temporary, save_atomically, sweep_temporary_files
from tpige_kedro.datasets.mp4 import Clip

if TYPE_CHECKING:
    from kedro_datasets._typing import ImagePreview
    from PIL.Image import Image

STRIP_FRAMES = 4
STRIP_HEIGHT = 128


class ResumablePartitionedDataset(PartitionedDataset):
    """A ``PartitionedDataset`` on a local or shared disk whose files are saved atomically, in the order given.

    Unlike its parent it loads an empty or absent folder as ``{}``, never lists unfinished files, and deletes the
    partition whose value is ``None``. Values may be callables, called one by one when their turn comes.
    """

    _cached_partitions: list[str] | None
    _swept = False

    def load(self) -> dict[str, Callable[[], Any]]:
        """A load function per partition, sorted by key; ``{}`` if there is none."""
        self._invalidate_caches()
        return super().load() if self._list_partitions() else {}

    def save(self, data: Mapping[str, Any]) -> None:
        """Save each partition atomically. The first call also removes what killed runs left half-written."""
        if not self._swept:
            self._swept = True
            sweep_temporary_files(Path(self._path))
        for key, value in data.items():
            path = self.path_of(key)
            if value is None:
                path.unlink(missing_ok=True)
            else:
                content = value() if callable(value) else value
                save_atomically(path, partial(self._write, content))
        self._invalidate_caches()

    def preview(self) -> ImagePreview:  # Kedro-Viz reads this very name; None means no preview
        """A strip of four for Kedro-Viz: frames of the first clip, or the first four pictures; base64 PNG."""
        partitions = list(self.load().values())[:STRIP_FRAMES]
        first: Any = partitions[0]() if partitions else None
        if isinstance(first, Clip):
            return strip_of(first.even_frames(STRIP_FRAMES))
        if hasattr(first, "convert"):
            return strip_of([first, *(load() for load in partitions[1:])])
        return None  # type: ignore[return-value]

    def path_of(self, key: str) -> Path:
        """Where the partition ``key`` is or would be."""
        return Path(self._partition_to_path(key))

    def _write(self, content: Any, path: Path) -> None:
        self._dataset_type(**{**self._dataset_config, self._filepath_arg: str(path)}).save(content)

    def _list_partitions(self) -> list[str]:
        if self._cached_partitions is None:
            found = super()._list_partitions()
            self._cached_partitions = sorted(p for p in found if not is_temporary(Path(p)))
        return self._cached_partitions


def strip_of(pictures: list[Image]) -> ImagePreview:
    """Pictures side by side at one height, as base64 PNG."""
    from PIL import Image

    sized = [
        p.convert("RGB").resize((max(1, round(p.width * STRIP_HEIGHT / p.height)), STRIP_HEIGHT))
        for p in pictures
    ]
    strip = Image.new("RGB", (sum(p.width for p in sized), STRIP_HEIGHT))
    left = 0
    for picture in sized:
        strip.paste(picture, (left, 0))
        left += picture.width
    buffer = io.BytesIO()
    strip.save(buffer, format="PNG")
    return b64encode(buffer.getvalue()).decode()  # type: ignore[return-value]
