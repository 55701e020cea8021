"""What reference enhancement needs from an image editor and from the judge of its images (paper section 3.3)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Protocol

if TYPE_CHECKING:
    from PIL.Image import Image


@dataclass(frozen=True)
class EditRequest:
    """Redraw ``reference`` (RGB) as ``prompt`` says; ``seed`` fixes the noise."""

    sample_id: str
    prompt: str
    reference: Image
    seed: int


class ImageEditor(Protocol):
    """Redraws references; a request that fails yields its exception, so that the others continue.

    If a class draws different pixels from the same request, raise its ``version``.
    """

    version: ClassVar[int]

    def edit(
        self, requests: Sequence[EditRequest]
    ) -> Iterator[tuple[EditRequest, Image | Exception]]:
        """One picture per request, in any order, as each is finished."""
        ...


@dataclass(frozen=True)
class Comparison:
    """A drawn candidate against the original reference.

    ``face_visible``: a face was found in the candidate; ``similarity``: cosine of the two faces' embeddings in [-1, 1], None
    without a face; ``sharpness`` in [0, inf): higher is sharper, comparable among pictures of one size.
    """

    face_visible: bool
    similarity: float | None
    sharpness: float


class ReferenceJudge(Protocol):
    """Compares a candidate with the original; sees pixels only. If the same images give different values, raise ``version``."""

    version: ClassVar[int]

    def compare(self, original: Image, candidate: Image) -> Comparison:
        """Both pictures RGB, of any size. Raises ``NoFaceError`` when the original shows no face."""
        ...
