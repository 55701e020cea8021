"""Redraws a reference with the video generator itself: one frame of VACE, so nothing more has to be downloaded."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from PIL import Image

from tpige_kedro.errors import TpigeError
from tpige_kedro.image_editors.protocol import EditRequest
from tpige_kedro.schemas import Guidance, Weight
from tpige_kedro.video_generators.protocol import ClipRequest, GeneratedClip
from tpige_kedro.video_generators.wan_files import WanFiles
from tpige_kedro.video_generators.wan_vace import WanVace

if TYPE_CHECKING:
    from PIL.Image import Image as Picture


class VaceStill(WanFiles):
    """Draws a single image from the reference and a prompt (replaces ACE++, paper section 3.3).

    Args:
        source: a VACE model, as :class:`~tpige_kedro.video_generators.wan_vace.WanVace` takes it.
        revision: pins a hub id.
        text_weight: W_c, the classifier-free scale minus one; the identity term of Eq. 3 is not used here.
        options: size, steps and memory, see :class:`~tpige_kedro.video_generators.wan_options.WanOptions`.
    """

    version: ClassVar[int] = 1  # raise it when the same request gives other pixels
    own_options: ClassVar[tuple[str, ...]] = ("num_frames",)  # not to be set in conf
    identified_options: ClassVar[str] = "tpige_kedro.video_generators.negative_prompt.identified"
    Options: ClassVar[str] = "tpige_kedro.video_generators.wan_vace.WanVace"

    def __init__(
        self, source: str, revision: str | None = None, text_weight: Weight = 4.0, **options: Any
    ) -> None:
        self.generator = WanVace(source, revision, num_frames=1, **options)
        self.guidance = Guidance(text_weight=text_weight)

    def edit(
        self, requests: Sequence[EditRequest]
    ) -> Iterator[tuple[EditRequest, Picture | Exception]]:
        """See :class:`~tpige_kedro.image_editors.protocol.ImageEditor`."""
        clips = [ClipRequest(r.sample_id, r.prompt, (r.reference,), r.seed) for r in requests]
        asked = {id(clip): request for clip, request in zip(clips, requests, strict=True)}
        for clip, made in self.generator.generate(clips, self.guidance):
            yield asked[id(clip)], made if isinstance(made, Exception) else _picture(made)


def _picture(clip: GeneratedClip) -> Picture | Exception:
    """The only frame, or why it cannot be decoded."""
    try:
        return Image.fromarray(clip.frames[0])
    except TpigeError as error:
        return error
