"""Opens video files and nothing that they refer to."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from tpige_kedro.errors import ClipError

if TYPE_CHECKING:
    from av.container import InputContainer

Source = Path | BinaryIO

# demuxers that open no other file and no address: no playlist, no list of files, no session description
FORMATS = (
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,mpeg,asf,flv,ogg,mxf,nut,yuv4mpegpipe,ivf,gif,apng,"
    "h264,hevc,m4v,mpegvideo,obu"
)
OPTIONS = {"format_whitelist": FORMATS, "protocol_whitelist": "file"}


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
