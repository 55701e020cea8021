"""How many votes a study needs: the intervals and the power that simulated studies of a size have."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tpige_kedro.study.clusters import CONFIDENCE, t_quantile
from tpige_kedro.study.simulated import Behaviour, deal, expected_points, simulate_points

Array = NDArray[np.float64]

STUDIES = 400  # simulated per size
RATERS = (0.25, 0.5, 1, 2, 4)  # times the number that was asked about


@dataclass(frozen=True)
class Size:
    """How large a study is: ``pairs_per_rater`` comparisons for each of the ``raters``."""

    variants: int
    samples: int
    raters: int
    pairs_per_rater: int

    @property
    def votes(self) -> int:
        """Votes on comparisons about one question; a rater is not shown more pairs than there are."""
        pairs = self.samples * self.variants * (self.variants - 1) // 2
        return self.raters * min(self.pairs_per_rater, pairs)


@dataclass(frozen=True)
class Assumed:
    """What simulated people are like.

    One variant is better than the others, which are equal, by ``difference`` in scores as shares. ``ties`` is the share of ties
    between equals; tastes of raters and luck of samples differ by ``spread`` each (standard deviations of strengths).
    """

    difference: float = 0.1
    ties: float = 0.25
    spread: float = 0.5


@dataclass(frozen=True)
class Planned:
    """What to expect of a study: half the width of a score's interval, and the chance that the difference shows as one."""

    size: Size
    half_width: float
    power: float


def plan_sizes(
    size: Size, assumed: Assumed, seed: int = 0, confidence: float = CONFIDENCE
) -> list[Planned]:
    """:func:`plan_size` with a quarter, half, once, twice and four times as many raters.

    >>> sizes = [p.size.raters for p in plan_sizes(Size(3, 10, 8, 10), Assumed())]
    >>> sizes
    [2, 4, 8, 16, 32]
    """
    counts = dict.fromkeys(max(2, round(times * size.raters)) for times in RATERS)
    sizes = [Size(size.variants, size.samples, n, size.pairs_per_rater) for n in counts]
    return [plan_size(one, assumed, seed, confidence) for one in sizes]


def plan_size(
    size: Size, assumed: Assumed, seed: int = 0, confidence: float = CONFIDENCE
) -> Planned:
    """The expected half-width of the scores' intervals, and the power for ``assumed.difference``, from 400 simulated studies.

    Their scores' spread is the standard error that intervals are made of (see :mod:`.clusters`); the power is how often the
    difference between the best variant and another is further from 0 than its interval reaches.

    Raises:
        ValueError: a difference that no variant can have.

    >>> plan_size(Size(2, 30, 30, 20), Assumed(difference=0.4)).power > 0.9
    True
    """
    names = [f"v{i}" for i in range(size.variants)]
    ties = assumed.ties / (2 * (1 - assumed.ties))  # ν at equal strengths
    gap = _gap(assumed, ties, size.variants)
    strengths = dict(zip(names, [gap, *[0.0] * (size.variants - 1)], strict=True))
    behaviour = Behaviour(strengths, ties, assumed.spread, assumed.spread)
    rng = np.random.default_rng(seed)
    raters = [f"r{i}" for i in range(size.raters)]
    shown = deal(all_pairs(names, size.samples), raters, size.pairs_per_rater, rng)
    left = np.zeros((STUDIES, len(shown)), bool)
    found = _shares(shown, simulate_points(shown, behaviour, left, seed), names)
    t = t_quantile(min(size.raters, size.samples) - 1, confidence)
    against = found[:, 0] - found[:, 1]
    power = float((np.abs(against) > t * against.std(ddof=1)).mean())
    return Planned(size, float(t * found.std(0, ddof=1).mean()), power)


def all_pairs(variants: list[str], samples: int) -> pd.DataFrame:
    """All comparisons of a study, rows as in ``STUDY_PAIRS`` as far as simulated raters look at them."""
    rows = [
        {"pair_id": f"s{i} {a} {b}", "sample_id": f"s{i}", "variant_a": a, "variant_b": b}
        for i in range(samples)
        for a, b in combinations(variants, 2)
    ]
    return pd.DataFrame(rows).assign(kind="comparison", repeats="", damaged="")


def _gap(assumed: Assumed, ties: float, variants: int) -> float:
    """The strength of the better variant: its share is then by the difference larger than that of each other one."""
    from scipy.optimize import brentq

    # it has ½ + x against each of the others, and they have ½ - x / (K - 1) over all
    needed = 0.5 + assumed.difference * (variants - 1) / variants
    spread = 2 * assumed.spread  # of a difference: two clips, rater and sample each

    def missing(gap: float) -> float:
        return expected_points(gap, ties, spread) - needed

    if assumed.difference < 0 or missing(50.0) < 0:
        raise ValueError(
            f"a difference of {assumed.difference:g} cannot be: with {variants} variants, it is at least 0 and at most "
            f"{variants / (variants - 1) / 2:.3g}"
        )
    return float(brentq(missing, 0.0, 50.0))


def _shares(shown: pd.DataFrame, points: Array, names: list[str]) -> Array:
    """The scores as shares (S, K) of S studies."""
    index = pd.Index(names)
    a, b = (np.eye(len(names))[index.get_indexer(pd.Index(shown[s]))] for s in ("variant_a", "variant_b"))  # fmt: skip
    return np.asarray((points @ a + (1 - points) @ b) / (a + b).sum(0))
