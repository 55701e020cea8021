"""Which track of a video file a player shows, and whether it is within the limits, seen by headers and packets: nothing is decoded."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

from tpige_kedro.datasets.clip_files.boxes import crops_of, missing_bytes
from tpige_kedro.datasets.clip_files.display import UNCROPPED, Crop, shown_size
from tpige_kedro.datasets.clip_files.opening import Source, open_file, opened
from tpige_kedro.errors import ClipError

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.stream import VideoStream

LARGEST_FRAME = 4096 * 2304  # pixels
MOST_FRAMES = 5_000
MOST_PIXELS = 2_000_000_000  # of all frames: 32 s of 1920x1080 at 30 frames per second
MOST_PACKETS = 50 * MOST_FRAMES  # after these nothing more is counted
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
            raise ClipError(f"is not a readable clip: it is truncated, {lacking} bytes are missing")
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
        if 0 in track.size:
            raise ClipError("is not a readable clip: it does not say how large its frames are")
        check_limits(track.packets, *track.size, most_pixels)
        check_limits(track.packets, *track.shown, most_pixels)
        index = stream.index_entries if "mov" in container.format.name else ()
        if any(entry.pos + entry.size > size for entry in index):
            raise ClipError("is not a readable clip: it is truncated in the middle of its frames")
    return track


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
        cover = ", only a cover image or an unsupported codec" if everything else ""
        raise ClipError(f"is not a readable clip: it holds no video{cover}")
    still = Disposition.still_image

    def rank(stream: VideoStream) -> tuple[bool, bool, int, int]:
        moves = packets[stream.index] > 1 and not stream.disposition & still
        default = bool(stream.disposition & Disposition.default)
        area = stream.codec_context.width * stream.codec_context.height
        return moves, default, packets[stream.index], area

    return max(videos, key=rank)
