"""Models that do nothing, where the real one cannot be rehearsed and a later stage needs its output."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

from PIL import Image

from tpige_kedro.image_editors.protocol import Comparison, EditRequest
from tpige_kedro.prompts.attributes import Attribute, FaceAttributes


class Reader:
    """Sees the same face in everybody."""

    version: ClassVar[int] = 1

    def __init__(self, **_: Any) -> None: ...

    def read_face(self, reference: Image.Image) -> FaceAttributes:
        """See :class:`~tpige_kedro.vision_language.protocol.FaceReader`."""
        return FaceAttributes(eyes=Attribute("brown eyes"), traits=(Attribute("freckles"),))


class Editor:
    """Hands the reference back."""

    version: ClassVar[int] = 1

    def __init__(self, **_: Any) -> None: ...

    def edit(
        self, requests: Sequence[EditRequest]
    ) -> Iterator[tuple[EditRequest, Image.Image | Exception]]:
        """See :class:`~tpige_kedro.image_editors.protocol.ImageEditor`."""
        for request in requests:
            yield request, request.reference


class Judge:
    """Finds every candidate good."""

    version: ClassVar[int] = 1

    def __init__(self, **_: Any) -> None: ...

    def compare(self, original: Image.Image, candidate: Image.Image) -> Comparison:
        """See :class:`~tpige_kedro.image_editors.protocol.ReferenceJudge`."""
        return Comparison(face_visible=True, similarity=0.9, sharpness=1.0)
