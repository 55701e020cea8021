"""Random resamples and random signs for many columns at once, as matrix products.

Columns of about the same length share one matrix of draws. What a column gets follows from its values, the seed and the number
of resamples alone, to the last digit: not from the other columns, and not from the order in which a BLAS library adds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

Array = NDArray[np.float64]

BLOCK = 1 << 18  # numbers drawn at once, 2 MB an array: what fits into a cache
SUMS = 1 << 21  # sums held at once, 16 MB: bounds how many columns go into one product
OWN_SIZE = 64  # columns up to this length share draws with columns of the very same length only


def grid_unit(values: Array) -> float:
    """The step of the grid for (N,) values: the largest value is about 2^(52 - log2 N) steps, 13 digits at a thousand values."""
    _, exponent = np.frexp(np.abs(values).max())
    return float(np.ldexp(1.0, max(int(exponent) - 53 + len(values).bit_length(), -1000)))


def on_grid(values: Array) -> Array:
    """Round (N,) values to multiples of a power of two, so coarse that any sum of N of them is exact in float64.

    Products of matrices round differently for other shapes, threads and processors. Sums without rounding cannot.

    >>> thirds = on_grid(np.array([1 / 3, -1 / 3, 2 / 3]))
    >>> bool(thirds.sum() == thirds[::-1].sum()), bool(abs(thirds[0] - 1 / 3) < 1e-14)
    (True, True)
    """
    unit = grid_unit(values)
    return np.round(values / unit) * unit


def shared_size(n: int) -> int:
    """The width of the matrix of draws for ``n`` values: ``n`` itself up to 64, above it the next power of two.

    >>> [shared_size(n) for n in (12, 64, 65, 900, 1000)]
    [12, 64, 128, 1024, 1024]
    """
    return n if n <= OWN_SIZE else 1 << (n - 1).bit_length()


def resampled_sums(
    columns: Mapping[int, Array], seed: int, resamples: int
) -> Iterator[tuple[int, Array]]:
    """For every column of deviations from its mean (N,): sums (resamples,) of draws with replacement.

    Divided by N they are how far the means of resamples are from the mean. Above 64 values, zeros fill the column up to the size
    that it shares with others, and that many values are drawn. Since deviations add up to zero, the sums keep their mean,
    variance and skewness. Their kurtosis rises by less than 1.5 / N, which moves the ends of a 95 % interval far less than
    another seed does.
    """
    return _products(columns, lambda size: _count_blocks(size, seed, resamples), resamples)


def sign_flipped_sums(
    columns: Mapping[int, Array], seed: int, resamples: int
) -> Iterator[tuple[int, Array]]:
    """For every column (N,): its sums (M,) under all 2^N sign patterns if ``resamples`` are as many, else under random ones."""

    def blocks(size: int) -> Iterator[Array]:
        if all_patterns_fit(size, resamples):
            return _pattern_blocks(size)
        return _bit_blocks(size, seed, resamples)

    for index, sums in _products(columns, blocks, resamples):
        yield index, 2 * sums - columns[index].sum()


def all_patterns_fit(n: int, resamples: int) -> bool:
    """Whether there are at most ``resamples`` patterns of ``n`` signs.

    >>> all_patterns_fit(13, 10_000), all_patterns_fit(14, 10_000)
    (True, False)
    """
    return n < resamples.bit_length()


def _products(
    columns: Mapping[int, Array], blocks: Callable[[int], Iterator[Array]], resamples: int
) -> Iterator[tuple[int, Array]]:
    """Every column with its products (M,) with the blocks (rows, size) for its size; M rows in all, at most ``resamples``."""
    for size, members in _by_size(columns).items():
        at_once = max(1, SUMS // max(size, resamples))
        for start in range(0, len(members), at_once):
            some = members[start : start + at_once]
            filled = np.zeros((len(some), size))
            for row, index in zip(filled, some, strict=True):
                row[: len(columns[index])] = columns[index]
            with threadpool_limits(1, "blas"):  # others would spin between these small products
                sums = np.concatenate([filled @ block.T for block in blocks(size)], axis=1)
            yield from zip(some, sums, strict=True)


def _by_size(columns: Mapping[int, Array]) -> dict[int, list[int]]:
    groups: dict[int, list[int]] = {}
    for index, column in columns.items():
        groups.setdefault(shared_size(len(column)), []).append(index)
    return groups


def _row_counts(size: int, total: int) -> Iterator[int]:
    """How many of ``total`` rows of ``size`` numbers go into each block."""
    rows = max(1, BLOCK // size)
    return (min(rows, total - start) for start in range(0, total, rows))


def _count_blocks(size: int, seed: int, resamples: int) -> Iterator[Array]:
    """How often each of ``size`` values is in each resample; every row adds up to ``size``."""
    generator = np.random.default_rng([seed, size])
    kind = np.min_scalar_type(size)  # small integers are drawn in half the time
    for rows in _row_counts(size, resamples):
        drawn = generator.integers(0, size, (rows, size), kind)
        cells = drawn + size * np.arange(rows)[:, None]  # every row counts in cells of its own
        counts = np.bincount(cells.ravel(), minlength=rows * size)
        yield counts.reshape(rows, size).astype(np.float64)


def _bit_blocks(size: int, seed: int, resamples: int) -> Iterator[Array]:
    """Random zeros and ones: which values keep their sign."""
    generator = np.random.default_rng([seed, size, 1])
    for rows in _row_counts(size, resamples):
        packed = np.frombuffer(generator.bytes(-(-rows * size // 8)), np.uint8)
        bits = np.unpackbits(packed, count=rows * size)
        yield bits.reshape(rows, size).astype(np.float64)


def _pattern_blocks(size: int) -> Iterator[Array]:
    """All 2^size rows of zeros and ones."""
    start = 0
    for rows in _row_counts(size, 2**size):
        numbers = np.arange(start, start + rows)[:, None]
        yield (numbers >> np.arange(size) & 1).astype(np.float64)
        start += rows
