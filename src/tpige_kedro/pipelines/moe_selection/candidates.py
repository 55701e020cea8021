"""The best of the candidate clips of a sample: by the overall score, among draws of one variant, and with one metric left out."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from tpige_kedro.errors import TpigeError
from tpige_kedro.metrics.columns import BEST_OF_N, KEYS, MOE
from tpige_kedro.schemas import Moe

logger = logging.getLogger(__name__)


def pivot(scores: pd.DataFrame, metric: str, variants: Sequence[str]) -> pd.DataFrame:
    """One metric as samples x variants, NaN where there is no value; all of ``variants`` are columns, in this order.

    >>> scores = pd.DataFrame(
    ...     {"sample_id": ["s1", "s2"], "variant": ["a", "b"], "overall": [0.5, 0.6]}
    ... )
    >>> pivot(scores, "overall", ["b", "a"]).loc["s1"].to_dict()
    {'b': nan, 'a': 0.5}
    """
    if metric not in scores:
        return pd.DataFrame(columns=list(variants), dtype=float)
    table = scores.pivot(index="sample_id", columns="variant", values=metric)
    return table.reindex(columns=list(variants)).astype(float)


def best_variants(table: pd.DataFrame) -> pd.Series:
    """The column with the largest value in each row; among equals the first; None in a row without values.

    >>> table = pd.DataFrame(
    ...     {"a": [0.5, 0.7, np.nan], "b": [0.6, 0.7, np.nan]}, index=["s1", "s2", "s3"]
    ... )
    >>> best_variants(table).to_dict()
    {'s1': 'b', 's2': 'a', 's3': None}
    """
    values = table.to_numpy(dtype=float)
    best = np.where(np.isnan(values), -np.inf, values).argmax(axis=1)
    names = table.columns.to_numpy(dtype=object)[best]
    names[~np.isfinite(values).any(axis=1)] = None
    return pd.Series(names, index=table.index, dtype=object)


def chosen_scores(all_scores: pd.DataFrame, selection: pd.DataFrame) -> pd.DataFrame:
    """The score rows of the selected clips, as rows of a variant named ``moe``."""
    chosen = selection.loc[selection["variant"].notna(), list(KEYS)]
    return all_scores.merge(chosen, on=list(KEYS)).assign(variant=MOE)


def best_draws(
    all_scores: pd.DataFrame, selection: pd.DataFrame, draws: Sequence[str]
) -> pd.DataFrame:
    """The score rows of each sample's best draw, as rows of a variant named ``best_of_n``: what the same budget buys.

    Where the selection had k experts to choose from, the first k scored draws are the candidates. A sample with fewer draws is
    left out, so that no row compares a choice among few with one among many.
    """
    if not draws or not len(all_scores):
        return all_scores.head(0)
    table = pivot(all_scores, "overall", draws)
    budget = selection.set_index("sample_id")["candidates"].reindex(table.index).fillna(0)
    enough = (table.notna().sum(axis=1) >= budget) & (budget > 0)
    if short := int((~enough & (budget > 0)).sum()):
        logger.warning(
            "moe_selection: %d of %d samples have fewer scored draws than experts and are not in %s; "
            "add draws of the variant to moe.equal_budget",
            short,
            int((budget > 0).sum()),
            BEST_OF_N,
        )
    allowed = table.notna().cumsum(axis=1).le(budget, axis=0)
    best = best_variants(table.where(allowed)[enough]).rename("variant").rename_axis("sample_id")
    return all_scores.merge(best.reset_index(), on=list(KEYS)).assign(variant=BEST_OF_N)


def with_selections(all_scores: pd.DataFrame, selection: pd.DataFrame, moe: Moe) -> pd.DataFrame:
    """All score rows, those of the selected clips as ``moe``, and those of the best draws as ``best_of_n``."""
    chosen = chosen_scores(all_scores, selection)
    return pd.concat([all_scores, chosen, best_draws(all_scores, selection, moe.equal_budget)])


def held_out_scores(
    all_scores: pd.DataFrame, experts: Sequence[str], weights: Mapping[str, float]
) -> dict[str, pd.Series]:
    """Every part m of the overall score after a selection by the other parts alone.

    A selection by a score raises that score even if the clips differ by noise only. The metric left out had no say in the
    selection, so its gain is real. With a single part there is nothing to select by, and the result is empty.
    """
    if len(weights) < 2:
        return {}
    absent = [name for name in weights if name not in all_scores]
    if 0 < len(absent) < len(weights):
        raise TpigeError(
            f"the scores on disk have no {', '.join(absent)}, which scoring.overall names; run kedro run --pipelines=scoring, then "
            "this again"
        )
    parts = {name: pivot(all_scores, name, experts) for name in weights}
    columns = {}
    for name, own in parts.items():
        others: Any = sum(weights[n] * part for n, part in parts.items() if n != name)
        chosen = best_variants(others).dropna()
        values = own.reindex(chosen.index).to_numpy()
        at = own.columns.get_indexer(pd.Index(chosen))
        columns[name] = pd.Series(values[np.arange(len(chosen)), at], dtype=float)
    return columns
