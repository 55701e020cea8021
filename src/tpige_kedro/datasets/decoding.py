"""Decodes clips: the track a player takes, within stated limits, frame by frame as a player shows them.

Limits are checked before anything is decoded, by the packets that the file really holds, and once more while decoding.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from tpige_kedro.datasets.boxes import crops_of, missing_bytes
from tpige_kedro.datasets.colour import side_data, to_rgb
from tpige_kedro.datasets.display import (
    UNCROPPED,
    Crop,
    Pixels,
    orient,
    shown_size,
    signs,
    stretch,
)
from tpige_kedro.errors import ClipError
from tpige_kedro.execution.threads import processors

if TYPE_CHECKING:
    from av import VideoFrame
    from av.container import InputContainer
    from av.video.stream import VideoStream

logger = logging.getLogger(__name__)

VERSION = 2  # raise it when the same file gives other frames: clips are then scored again

Source = Path | BinaryIO

LARGEST_FRAME = 4096 * 2304  # pixels
MOST_FRAMES = 5_000
MOST_PIXELS = 2_000_000_000  # of all frames: 32 s of 1920x1080 at 30 frames per second
MOST_PACKETS = 50 * MOST_FRAMES  # after these nothing more is counted
SPARE = 5 / 4  # stored frames are a little larger than shown ones
THREADS = 4
# demuxers that open no other file and no address: no playlist, no list of files, no session description
FORMATS = (
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,mpeg,asf,flv,ogg,mxf,nut,yuv4mpegpipe,ivf,gif,apng,"
    "h264,hevc,m4v,mpegvideo,obu"
)
OPTIONS = {"format_whitelist": FORMATS, "protocol_whitelist": "file"}
INTERLACED = (
    "%s is interlaced: its frames are scored as stored, two moments in alternate lines; deinterlace it with "
    "`ffmpeg -i IN -vf bwdif OUT` to score what most players show"
)
SMALLER = "cut it, or scale it down, for example with `ffmpeg -i IN -t 5 -vf scale=1280:-2 OUT`"


@dataclass(frozen=True)
class Track:
    """The track of a clip that is shown: its index, how many packets it has, and what its header says of the display.

    ``size`` is (width, height) as stored, ``aspect`` of a pixel, ``rate`` in frames per second.
    """

    index: int
    packets: int
    size: tuple[int, int]
    crop: Crop
    aspect: Fraction | None
    rate: float
    title: str
    most_pixels: int = MOST_PIXELS

    @property
    def shown(self) -> tuple[int, int]:
        """(width, height) in square pixels, before it is turned."""
        return shown_size(*self.crop.of(*self.size), self.aspect)


def survey(source: Source, most_pixels: int = MOST_PIXELS) -> Track:
    """Find the track that a player takes, by headers and packets alone: nothing is decoded.

    Raises:
        ClipError: it is not a video, is cut off, or is larger than the limits.
    """
    with open_file(source) as file:
        crops, size = crops_of(file), file.seek(0, 2)
        if lacking := missing_bytes(file, size):
            raise ClipError(f"is not a readable clip: it is cut off, {lacking} bytes are missing")
    with opened(source) as container:
        packets = count_packets(container)
        stream = choose_track(container, packets)
        number = stream.index if "matroska" in container.format.name else stream.id
        crop = crops.get(number, UNCROPPED)
        track = Track(
            index=stream.index,
            packets=packets[stream.index],
            size=(stream.codec_context.width, stream.codec_context.height),
            crop=crop,
            aspect=stream.sample_aspect_ratio,
            rate=float(stream.average_rate or stream.guessed_rate or stream.base_rate or 0),
            title=container.metadata.get("title", ""),
            most_pixels=most_pixels,
        )
        if not track.packets:
            raise ClipError("has no frames")
        if not track.rate:
            raise ClipError("states no frame rate", "encode it again")
        check_limits(track.packets, *track.size, most_pixels)
        check_limits(track.packets, *track.shown, most_pixels)
        if any(entry.pos + entry.size > size for entry in stream.index_entries):
            raise ClipError("is not a readable clip: it is cut off in the middle of its frames")
    return track


def decoded(source: Source, track: Track) -> Iterator[VideoFrame]:
    """The frames of a track as they are stored. Raises :class:`ClipError` on damaged ones and on other sizes."""
    size: tuple[int, int] | None = None
    with opened(source) as container:
        stream: VideoStream = container.streams[track.index]  # type: ignore[assignment]
        stream.codec_context.options = {"max_pixels": str(int(LARGEST_FRAME * SPARE))}
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
    import numpy as np

    matrix = side_data(frame).get("DISPLAYMATRIX")
    pixels = stretch(track.crop.cut(to_rgb(frame)), track.aspect)
    return np.ascontiguousarray(orient(pixels, signs(matrix)))


def check_limits(frames: int, width: int, height: int, most_pixels: int = MOST_PIXELS) -> None:
    """Raise :class:`ClipError` for a clip that is larger than what is scored."""
    pixels = width * height
    if pixels > LARGEST_FRAME or frames > MOST_FRAMES or frames * pixels > most_pixels:
        many = f"more than {MOST_PACKETS:,}" if frames >= MOST_PACKETS else f"{frames:,}"
        problem = (
            f"is too large: {many} frames of {width}x{height} pixels; the limits are {LARGEST_FRAME / 1e6:.1f} megapixels a "
            f"frame (4096x2304), {MOST_FRAMES:,} frames, and {most_pixels / 1e9:g} gigapixels in all"
        )
        raise ClipError(problem, SMALLER)


def count_packets(container: InputContainer) -> Counter[int]:
    """How many packets that are shown each video track has, by its index."""
    counted: Counter[int] = Counter()
    videos = container.streams.video
    for seen, packet in enumerate(container.demux(videos) if videos else ()):
        counted[packet.stream_index] += packet.size > 0 and not packet.is_discard
        if seen >= MOST_PACKETS:
            break
    return counted


def choose_track(container: InputContainer, packets: Counter[int]) -> VideoStream:
    """The track that a player takes: not a cover or a still beside a film; the default one; the one with most frames; the largest."""
    from av.stream import Disposition

    covers = Disposition.attached_pic | Disposition.timed_thumbnails | Disposition.dependent
    everything = container.streams.video
    videos = [s for s in everything if s.codec_context and not s.disposition & covers]
    if not videos:
        cover = ", only a cover picture or a codec that is not read" if everything else ""
        raise ClipError(f"is not a readable clip: it holds no video{cover}")
    still = Disposition.still_image

    def rank(stream: VideoStream) -> tuple[bool, bool, int, int]:
        moves = packets[stream.index] > 1 and not stream.disposition & still
        default = bool(stream.disposition & Disposition.default)
        area = stream.codec_context.width * stream.codec_context.height
        return moves, default, packets[stream.index], area

    return max(videos, key=rank)


@contextmanager
def opened(source: Source) -> Iterator[InputContainer]:
    """The container, with FFmpeg's errors as :class:`ClipError`; it opens no other file."""
    import av

    file: Any = source
    if isinstance(source, Path):
        file = str(source.absolute())  # a relative name could begin like an address
    else:
        source.seek(0)
    try:
        with av.open(file, options=OPTIONS, metadata_errors="replace") as container:
            yield container
    except av.error.FFmpegError as error:
        raise ClipError(f"is not a readable clip: {_cause(error)}") from error


@contextmanager
def open_file(source: Source) -> Iterator[BinaryIO]:
    """The bytes of a clip."""
    if not isinstance(source, Path):
        yield source
        return
    try:
        with source.open("rb") as file:
            yield file
    except OSError as error:
        cause = (error.strerror or str(error)).lower()
        raise ClipError(f"is not a readable clip: {cause}") from error


def _cause(error: Exception) -> str:
    import errno

    if getattr(error, "errno", None) == errno.EINVAL:
        return "it is not a video in a format that is read, or its header is damaged"
    return getattr(error, "strerror", None) or str(error)
