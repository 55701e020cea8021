"""Decodes the track of a clip frame by frame, as a player shows it; the limits hold here too, in case a header lies."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from tpige_kedro.datasets.clip_files import tracks
from tpige_kedro.datasets.clip_files.colour import side_data, to_rgb
from tpige_kedro.datasets.clip_files.display import Pixels, orient, signs, stretch
from tpige_kedro.datasets.clip_files.opening import Source, opened
from tpige_kedro.datasets.clip_files.tracks import Track, check_limits
from tpige_kedro.errors import ClipError
from tpige_kedro.execution.threads import processors

if TYPE_CHECKING:
    from av import VideoFrame
    from av.video.stream import VideoStream

logger = logging.getLogger(__name__)

VERSION = 2  # raise it when the same file gives other frames: clips are then scored again

SPARE = 5 / 4  # stored frames are a little larger than shown ones
THREADS = 4
INTERLACED = (
    "%s is interlaced: its frames are scored as stored, two moments in alternate lines; deinterlace it with "
    "`ffmpeg -i IN -vf bwdif OUT` to score what most players show"
)


def decoded(source: Source, track: Track) -> Iterator[VideoFrame]:
    """The frames of a track as they are stored. Raises :class:`ClipError` on damaged ones and on other sizes."""
    size: tuple[int, int] | None = None
    with opened(source) as container:
        stream: VideoStream = container.streams[track.index]  # type: ignore[assignment]  # tracks are of video
        stream.codec_context.options = {"max_pixels": str(int(tracks.LARGEST_FRAME * SPARE))}
        stream.codec_context.thread_count = min(THREADS, processors())
        number = 0
        for packet in container.demux(stream):
            if packet.is_corrupt:
                raise ClipError(f"is not a readable clip: it is damaged after frame {number}")
            for frame in stream.decode(packet):
                number += 1
                if frame.is_corrupt:
                    raise ClipError(f"is not a readable clip: frame {number} is damaged")
                size = size or (frame.width, frame.height)
                if (frame.width, frame.height) != size:
                    sizes = f"{size[0]}x{size[1]}, {frame.width}x{frame.height}"
                    problem = f"the size of its frames changes ({sizes})"
                    raise ClipError(problem, "encode it again at one size")
                check_limits(number, *size, track.most_pixels)
                if number == 1 and frame.interlaced_frame:
                    logger.warning(INTERLACED, source)
                yield frame


def as_shown(frame: VideoFrame, track: Track) -> Pixels:
    """A stored frame as a player shows it: (H, W, 3) uint8 RGB, cropped, in square pixels, upright."""
    matrix = side_data(frame).get("DISPLAYMATRIX")
    pixels = stretch(track.crop.cut(to_rgb(frame)), track.aspect)
    return np.ascontiguousarray(orient(pixels, signs(matrix)))
