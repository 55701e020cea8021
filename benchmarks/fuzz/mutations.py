"""Ways to damage an input: blind to its format (bytes), or within it (text, JSON)."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable
from random import Random
from typing import Any

LIMITS = (0, 1, 0x7F, 0x80, 0xFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)
ODD_TEXTS = ("", "\0", "\ufeff", "\u202e", "\u200b", "\x1b[31m", "é", "e\u0301", "😀", "=1+1", "../..", "%", "{x}", "~", "-", '"', "'", ",", ";", "\t", "\r\n", "\n\n", "nan", "null", "true", "1e999", "0x10", "[", "]", "{", "}", "${x}", "&a", "*a", "!!python/object:os.system", "<<: *a", "|", ">", "#", ":", "? ", "---\n", "A" * 70_000)  # fmt: skip
ODD_VALUES: tuple[Any, ...] = (None, True, 0, -1, 1e308, 10**30, "", "x", [], {}, [[]], {"": None}, "\ud800", "a" * 70_000)  # fmt: skip


def damage_bytes(data: bytes, rng: Random) -> bytes:
    """One to four cuts, flips, extreme numbers, copies or random bytes, anywhere."""
    damaged = bytearray(data)
    for _ in range(rng.randint(1, 4)):
        rng.choice(BYTE_WAYS)(damaged, rng)
    return bytes(damaged)


def _cut(data: bytearray, rng: Random) -> None:
    del data[rng.randint(0, len(data)) :]


def _flip(data: bytearray, rng: Random) -> None:
    for _ in range(rng.choice((1, 1, 8, 64))):
        if data:
            data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)


def _extreme(data: bytearray, rng: Random) -> None:
    at, size = rng.randint(0, len(data)), rng.choice((1, 2, 4, 8))
    number = rng.choice(LIMITS) & (256**size - 1)
    data[at : at + size] = number.to_bytes(size, rng.choice(("big", "little")))


def _copy(data: bytearray, rng: Random) -> None:
    start = rng.randint(0, len(data))
    block = data[start : start + rng.choice((4, 64, 4096))]
    at = rng.randint(0, len(data))
    data[at:at] = block * rng.choice((1, 1, 50))


def _remove(data: bytearray, rng: Random) -> None:
    start = rng.randint(0, len(data))
    del data[start : start + rng.choice((1, 4, 64, 4096))]


def _noise(data: bytearray, rng: Random) -> None:
    at = rng.randint(0, len(data))
    data[at : at + rng.choice((1, 16, 256))] = rng.randbytes(rng.choice((1, 16, 256)))


BYTE_WAYS: tuple[Callable[[bytearray, Random], None], ...] = (_cut, _flip, _extreme, _copy, _remove, _noise)  # fmt: skip


def damage_png(data: bytes, rng: Random) -> bytes:
    """Damaged blindly; mostly with right checksums, so that what is in the chunks is looked at."""
    damaged = damage_bytes(data, rng)
    return damaged if rng.random() < 0.3 else _with_checksums(damaged)


def _with_checksums(data: bytes) -> bytes:
    fixed, at = bytearray(data), 8
    while at + 12 <= len(fixed):
        end = at + 8 + int.from_bytes(fixed[at : at + 4], "big")
        if end + 4 > len(fixed):
            break
        fixed[end : end + 4] = zlib.crc32(fixed[at + 4 : end]).to_bytes(4, "big")
        at = end + 4
    return bytes(fixed)


def damage_text(data: bytes, rng: Random) -> bytes:
    """Odd pieces put in, lines dropped, doubled or swapped, another encoding; or damaged blindly."""
    if rng.random() < 0.2:
        return damage_bytes(data, rng)
    text = data.decode()
    for _ in range(rng.randint(1, 3)):
        text = rng.choice((_insert, _replace, _shuffle_lines))(text, rng)
    encoding = rng.choice(("utf-8", "utf-8", "utf-8", "utf-8-sig", "utf-16", "latin-1"))
    return text.encode(encoding, errors="replace")


def _insert(text: str, rng: Random) -> str:
    at = rng.randint(0, len(text))
    return text[:at] + rng.choice(ODD_TEXTS) + text[at:]


def _replace(text: str, rng: Random) -> str:
    start = rng.randint(0, len(text))
    return text[:start] + rng.choice(ODD_TEXTS) + text[start + rng.choice((1, 3, 12)) :]


def _shuffle_lines(text: str, rng: Random) -> str:
    lines = text.splitlines(keepends=True)
    if lines:
        line = lines.pop(rng.randrange(len(lines)))
        for _ in range(rng.choice((0, 1, 2))):
            lines.insert(rng.randint(0, len(lines)), line)
    return "".join(lines)


def damage_json(data: bytes, rng: Random) -> bytes:
    """Values of other types, keys dropped, deep nesting; or damaged as text."""
    if rng.random() < 0.4:
        return damage_text(data, rng)
    if rng.random() < 0.1:
        depth = rng.choice((100, 5_000, 200_000))
        return b"[" * depth + data + b"]" * depth
    content = json.loads(data)
    for _ in range(rng.randint(1, 3)):
        content = _damage_value(content, rng)
    return json.dumps(content).encode()


def _damage_value(value: Any, rng: Random) -> Any:
    if not isinstance(value, dict | list) or not value or rng.random() < 0.15:
        return rng.choice(ODD_VALUES)
    keys = list(value) if isinstance(value, dict) else list(range(len(value)))
    key = rng.choice(keys)
    if rng.random() < 0.2:
        kept = [k for k in keys if k != key]
        return {k: value[k] for k in kept} if isinstance(value, dict) else [value[k] for k in kept]
    changed = dict(value) if isinstance(value, dict) else list(value)
    changed[key] = _damage_value(value[key], rng)
    return changed
