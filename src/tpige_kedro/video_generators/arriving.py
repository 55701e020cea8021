"""Frames of a clip that are computed as they are taken, so that they can be compressed meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

Frames = NDArray[np.uint8]  # (T, H, W, 3), RGB


class ArrivingFrames:
    """The frames of a clip of known ``shape`` (T, H, W, 3): taken once in groups, or kept as an array.

    ``compute`` is called when the first frame is taken, and let go of after the last one, with everything that it holds. Take
    them in the thread in which the generator runs.

    >>> halves = ArrivingFrames((4, 2, 2, 3), lambda: iter([np.zeros((2, 2, 2, 3), np.uint8)] * 2))
    >>> [len(group) for group in halves.groups()]
    [2, 2]
    """

    def __init__(
        self, shape: tuple[int, int, int, int], compute: Callable[[], Iterator[Frames]]
    ) -> None:
        self.shape = shape
        self._compute: Callable[[], Iterator[Frames]] | None = compute
        self._kept: Frames | None = None
        self._problem: Exception | None = None

    def groups(self) -> Iterator[Frames]:
        """Arrays (t, H, W, 3) in order. Raises what went wrong with the clip, and ``RuntimeError`` the second time."""
        if self._kept is not None:
            yield self._kept
            return
        if self._problem is not None:
            raise self._problem
        if self._compute is None:
            raise RuntimeError("the frames of this clip were taken before, and were not kept")
        compute, self._compute = self._compute, None
        yield from compute()

    def array(self) -> Frames:
        """All frames, which are kept from then on."""
        if self._kept is None:
            self._kept = np.concatenate(list(self.groups()))
        return self._kept

    def settle(self) -> None:
        """Compute now what nobody has taken, since the generator continues. Errors are raised when the frames are taken."""
        if self._kept is not None or self._compute is None:
            return
        try:
            self.array()
        except Exception as error:
            self._problem = error
