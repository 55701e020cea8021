"""Which frames of a clip a metric uses."""

from __future__ import annotations


def even_indices(total: int, count: int) -> list[int]:
    """``count`` evenly spread indices from the first to the last of ``total`` frames: ``floor(i (total - 1) / (count - 1))``.

    Short clips repeat frames. For 8, 16 and 32 of up to 5000 frames this equals the published
    ``np.linspace(0, total - 1, count, dtype=int)``; in integers no rounding can move an index. Used by the face metrics
    (16 frames).

    Raises:
        ValueError: ``total`` or ``count`` below 1.
    """
    if total < 1 or count < 1:
        raise ValueError(f"frame sampling: {count} of {total} frames; both must be at least 1")
    if count == 1:
        return [0]
    return [i * (total - 1) // (count - 1) for i in range(count)]


def distinct_indices(total: int, count: int) -> list[int]:
    """Like :func:`even_indices`, but a clip of up to ``count`` frames is used whole, each frame once.

    Used by the text-image metrics (GMEScore 16 frames, CLIPScore 32).
    """
    if total < 1 or count < 1:
        raise ValueError(f"frame sampling: {count} of {total} frames; both must be at least 1")
    return list(range(total)) if total <= count else even_indices(total, count)
