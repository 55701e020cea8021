"""Compressed answers, decompressed step by step, so that a small bomb never becomes gigabytes."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator

ACCEPTED = "gzip, deflate"  # what requests say they take
STEP = 1 << 16  # bytes that one step adds at most


def decoded(chunks: Iterable[bytes], encoding: str) -> Iterator[bytes]:
    """The parts of a body sent as ``encoding``, the value of ``Content-Encoding``.

    Raises:
        ValueError: an encoding that was not asked for, several on top of each other, or damaged data.

    >>> b"".join(decoded([zlib.compress(b"text")], "deflate"))
    b'text'
    """
    name = encoding.strip().lower()
    if name in {"", "identity"}:
        yield from chunks
    elif name in {"gzip", "x-gzip", "deflate"}:
        try:
            yield from _inflated(chunks, name)
        except zlib.error as error:
            raise ValueError(f"the answer's {name} data is damaged ({error})") from error
    else:
        raise ValueError(
            f"the answer is compressed as {name[:40]!r}, which was not asked for ({ACCEPTED})"
        )


def _inflated(chunks: Iterable[bytes], name: str) -> Iterator[bytes]:
    inflate = None
    for chunk in chunks:
        data = chunk
        while data:
            if inflate is None:
                inflate = zlib.decompressobj(_window(data, name))
            part = inflate.decompress(data, STEP)
            if part:
                yield part
            data = inflate.unconsumed_tail or inflate.unused_data
            if inflate.eof:
                inflate = None  # a gzip file may hold several members
            elif not part and not data:
                break
    if inflate is not None:
        raise ValueError(f"the answer's {name} data ends too early")


def _window(data: bytes, name: str) -> int:
    """zlib's name of the format: gzip; zlib; or, as some servers send ``deflate``, neither header."""
    if name != "deflate":
        return 31
    has_header = data[0] & 0x0F == 8 and (len(data) < 2 or (data[0] * 256 + data[1]) % 31 == 0)
    return zlib.MAX_WBITS if has_header else -zlib.MAX_WBITS
