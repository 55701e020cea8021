"""What the scoring stage needs from a scorer, and how a missing value says why it is missing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from PIL.Image import Image

    from tpige_kedro.weights.published import Weights


@dataclass(frozen=True)
class MetricSpec:
    """A column of the score table: its name, what it is called in print, its range and which way is better.

    ``better`` is "neither" for a column that only describes: no variant is best in it. ``source`` says what it means and who defined it,
    ``protocol`` says what it uses: which frames, at what size.
    """

    name: str
    title: str
    low: float
    high: float
    better: Literal["higher", "lower", "neither"]
    source: str
    protocol: str = ""

    @property
    def direction(self) -> str:
        """Which way is better, in words."""
        return "no direction is better" if self.better == "neither" else f"{self.better} is better"


@dataclass(frozen=True)
class Missing:
    """A value that could not be computed, and why. It becomes NaN in tables, never zero."""

    reason: str


class Frames(Protocol):
    """The frames of a clip, (T, H, W, 3) uint8 RGB: an array, or a long clip of which only a part is in memory at a time.

    Take the frames that a metric uses in one call (``frames[[0, 5, 9]]``), and all of them in batches from the first to the last
    (``frames[0:8]``, ``frames[8:16]``): then each part is decoded once, and memory does not grow with the clip.
    """

    @property
    def shape(self) -> tuple[int, ...]:
        """(T, H, W, 3)."""
        ...

    def __len__(self) -> int: ...

    def __getitem__(self, key: Any, /) -> NDArray[np.uint8]:
        """The frames of a slice or a list of numbers (n, H, W, 3), or one frame (H, W, 3)."""
        ...


@dataclass(frozen=True)
class ScoredClip:
    """What a scorer may use: pixels and text, nothing else.

    ``frames`` (T, H, W, 3) uint8 RGB, the same for all metrics; ``reference`` RGB, the person's own photo;
    ``prompt`` the original prompt (the paper's tables score against it, whatever text made the clip);
    ``enhanced_prompt`` what prompt enhancement made of it, for additional columns; None if there is none.
    """

    frames: Frames
    fps: float
    reference: Image
    prompt: str
    enhanced_prompt: str | None = None


Values = Mapping[str, float | Missing]


class Scorer(Protocol):
    """Computes one family of metrics; loads its model once, at construction.

    ``weights`` names its checkpoints, where they are published and under which licence. If a class gives
    the same clip different values, raise its ``version``: finished clips are then scored again.
    """

    version: ClassVar[int]
    metrics: tuple[MetricSpec, ...]
    weights: tuple[Weights, ...]

    def score(self, clip: ScoredClip) -> Values:
        """A value or a :class:`Missing` for every metric in ``metrics``."""
        ...


class SetScorer(Protocol):
    """Computes metrics of all clips of a variant at once; loads its model once, at construction. ``version`` as for a scorer."""

    version: ClassVar[int]
    metrics: tuple[MetricSpec, ...]
    weights: tuple[Weights, ...]

    def score_set(self, clips: Iterable[Frames], references: Iterable[NDArray[np.uint8]]) -> Values:
        """A value or a :class:`Missing` for every metric in ``metrics``; further names are sizes of the sets.

        ``clips`` are frames (T, H, W, 3) uint8 RGB, decoded one after another; ``references`` the photo of every person
        once, (h, w, 3) uint8 RGB.
        """
        ...
