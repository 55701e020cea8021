"""Bytes for people."""

from __future__ import annotations


def readable_size(count: float) -> str:
    """Bytes in units of 1000, as disks and download pages count them.

    >>> readable_size(0), readable_size(999), readable_size(1_234_567), readable_size(69.4e9)
    ('0 B', '999 B', '1.2 MB', '69.4 GB')
    """
    value = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if value < 1000:
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} TB"
