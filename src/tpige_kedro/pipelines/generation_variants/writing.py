"""Clips as they are kept: compressed in a thread as their frames arrive, so that the generator can continue."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from queue import SimpleQueue

import numpy as np

from tpige_kedro.datasets.mp4_encoding import CRF, EncodedClip, encode_clip
from tpige_kedro.execution.work import Outcome
from tpige_kedro.schemas import Provenance
from tpige_kedro.video_generators.arriving import Frames
from tpige_kedro.video_generators.protocol import GeneratedClip

Finish = Callable[[EncodedClip, str], Outcome]  # given the clip and the hash of its frames
Recipe = Callable[[str], str]  # given the hash of the frames, what the file says of their making


class ClipWriter:
    """Compresses one clip at a time in a thread of its own; at most one more waits, whose frames are in memory."""

    def __init__(self, provenance: Provenance) -> None:
        self._provenance = provenance
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="mp4")
        self._last: Future[Outcome] | None = None

    def write(
        self, clip: GeneratedClip, title: str, finish: Finish, recipe: Recipe | None = None
    ) -> Future[Outcome]:
        """Take the clip's frames, and hand them to the thread as they come.

        Returns:
            What ``finish`` makes of the compressed clip, or the error with which compressing it ended; returned when all frames
            are taken, and perhaps not yet compressed.

        Raises:
            TpigeError: the frames cannot be computed.
        """
        frames: SimpleQueue[Frames | None] = SimpleQueue()
        before = self._last
        self._last = self._pool.submit(self._compressed, frames, clip, title, finish, recipe)
        try:
            for group in clip.groups():
                frames.put(group)
        finally:  # fewer frames than there should be are an error, of which nobody hears but the thread
            frames.put(None)
        if before is not None:  # else the frames of many short clips would wait
            before.result()
        return self._last

    def close(self) -> None:
        """End the thread when it has nothing left to do."""
        self._pool.shutdown(wait=False)

    def _compressed(
        self,
        frames: SimpleQueue[Frames | None],
        clip: GeneratedClip,
        title: str,
        finish: Finish,
        recipe: Recipe | None,
    ) -> Outcome:
        try:
            seen = hashlib.sha256(str(clip.shape).encode())
            arriving = hashed(until_last(frames), seen.update)
            said = None if recipe is None else lambda: recipe(seen.hexdigest())
            facts = (clip.shape, clip.fps, title, self._provenance, CRF, said)
            encoded = encode_clip(arriving, *facts)
            return finish(encoded, seen.hexdigest())
        except Exception as error:
            return error


def until_last(frames: SimpleQueue[Frames | None]) -> Iterator[Frames]:
    """The groups that come before None."""
    while (group := frames.get()) is not None:
        yield group


def hashed(groups: Iterable[Frames], update: Callable[[memoryview], None]) -> Iterator[Frames]:
    """The groups, seen by ``update`` as they pass."""
    for group in groups:
        update(np.ascontiguousarray(group).data)
        yield group
