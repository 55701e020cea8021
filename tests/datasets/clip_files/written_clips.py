"""Writes small videos of any kind with PyAV, and patches what it does not write: four coloured corners show how a frame is turned."""

from __future__ import annotations

import struct
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]

ROOM = 13 * "x"  # as a track's name, as long as four PixelCrop elements
RED, GREEN, BLUE, WHITE = (210, 40, 40), (40, 210, 40), (40, 40, 210), (220, 220, 220)


def corners(width: int = 64, height: int = 48) -> Pixels:
    """A picture (H, W, 3): red and green above, blue and white below."""
    picture = np.zeros((height, width, 3), np.uint8)
    down, right = height // 2, width // 2
    picture[:down, :right], picture[:down, right:] = RED, GREEN
    picture[down:, :right], picture[down:, right:] = BLUE, WHITE
    return picture


def still(picture: Pixels, count: int = 4) -> Pixels:
    """``count`` times the same picture, (T, H, W, 3)."""
    return np.repeat(picture[None], count, axis=0)


def write_video(
    file: Path,
    frames: Pixels,
    codec: str = "libx264",
    pix_fmt: str = "yuv420p",
    *,
    matrix: tuple[int, ...] | None = None,
    aspect: Fraction | None = None,
    name: str = "",
    **options: str,
) -> Path:
    """Encode frames (T, H, W, 3 or 4) at 8 frames per second."""
    defaults = {"libx264": {"crf": "4", "preset": "ultrafast"}, "libvpx-vp9": {"crf": "8"}}
    with av.open(str(file), "w") as container:
        stream = container.add_stream(codec, rate=8)
        stream.metadata["title"] = name
        stream.height, stream.width = frames.shape[1:3]
        stream.pix_fmt = pix_fmt
        stream.options = {"threads": "1", **defaults.get(codec, {}), **options}
        if aspect is not None:
            stream.codec_context.sample_aspect_ratio = aspect
        if matrix is not None:
            stream.set_display_matrix(matrix)
        layout = "rgba" if frames.shape[-1] == 4 else "rgb24"
        for pixels in frames:
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format=layout)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return file


def write_raw(file: Path, planes: tuple[int, int, int], pix_fmt: str, **tags: Any) -> Path:
    """Three lossless frames of one YUV colour with the given tags (``color_range``, ``colorspace``, ``color_trc`` …)."""
    with av.open(str(file), "w") as container:
        stream = container.add_stream("ffv1", rate=8)
        stream.width, stream.height, stream.pix_fmt = 32, 24, pix_fmt
        for name, value in tags.items():
            setattr(stream.codec_context, name, value)
        for _ in range(3):
            frame = av.VideoFrame(32, 24, pix_fmt)
            for plane, value in zip(frame.planes, planes, strict=True):
                kind = np.uint8 if max(planes) < 256 and "p1" not in pix_fmt else np.uint16
                count = plane.buffer_size // np.dtype(kind).itemsize
                plane.update(np.full(count, value, kind).tobytes())
            for name, value in tags.items():
                setattr(frame, name, value)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return file


def with_clean_aperture(data: bytes, width: int, height: int, right: int, down: int) -> bytes:
    """An MP4 whose index is at the end, with a ``clap`` box: size of the visible part and its offset from the middle."""
    box = struct.pack(">I4s4I", 40, b"clap", width, 1, height, 1)
    box += struct.pack(">iIiI", right, 1, down, 1)
    entry = data.index(b"avc1", data.index(b"stsd")) - 4
    size = struct.unpack(">I", data[entry : entry + 4])[0]
    patched = bytearray(data[: entry + size] + box + data[entry + size :])
    for kind in (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stsd", b"avc1"):
        at = data.index(kind) - 4 if kind != b"avc1" else entry
        patched[at : at + 4] = struct.pack(">I", struct.unpack(">I", data[at : at + 4])[0] + 40)
    return bytes(patched)


def with_pixel_crop(data: bytes, left: int, top: int, right: int, bottom: int) -> bytes:
    """A Matroska file with PixelCrop elements, in place of the name of its track (``write_video`` with ``name=ROOM``)."""
    sides = ((0x54CC, left), (0x54BB, top), (0x54DD, right), (0x54AA, bottom))
    added = b"".join(struct.pack(">HBB", kind, 0x81, value) for kind, value in sides)
    name = data.index(b"\x53\x6e\x8d" + ROOM.encode())
    data = data[:name] + data[name + len(added) :]
    video = data.index(b"\xe0", name)
    while data[video + 2 : video + 4] != b"\xb0\x81":  # PixelWidth comes first
        video = data.index(b"\xe0", video + 1)
    end = video + 2 + (data[video + 1] & 0x7F)
    head = data[:video] + bytes([0xE0, data[video + 1] + len(added)]) + data[video + 2 : end]
    return head + added + data[end:]


def remux(
    source: Path, file: Path, *, also: Path | None = None, default: int | None = None
) -> Path:
    """The video of ``source`` (and, before it, that of ``also``) in another container; ``default`` names the track that is shown."""
    from av.stream import Disposition

    sources = [s for s in (also, source) if s is not None]
    with av.open(str(file), "w") as out:
        tracks = []
        for number, name in enumerate(sources):
            container = av.open(str(name))
            given = container.streams.video[0]
            stream = out.add_stream_from_template(given)
            if default is not None:
                stream.disposition = Disposition.default if number == default else Disposition(0)
            tracks.append((container, given, stream))
        for container, given, stream in tracks:
            for packet in container.demux(given):
                if packet.dts is not None:
                    packet.stream = stream
                    out.mux(packet)
            container.close()
    return file
