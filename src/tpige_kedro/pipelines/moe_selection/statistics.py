"""The statistics of the selection as items, so that a rerun draws no resamples unless scores, settings or code changed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib.metadata import version

import pandas as pd

from tpige_kedro.execution.work import Job, Outcome, Result, Work, fingerprint
from tpige_kedro.pipelines.moe_selection.nodes import (
    compare_variants,
    share_wins,
    summarise_variants,
)
from tpige_kedro.provenance.code import code_hash, table_hash
from tpige_kedro.schemas import Moe, Scoring

STAGE = "statistics"
SUMMARY, DIFFERENCES, WINS = "variant_summary", "variant_differences", "win_shares"
CODE = (
    "pipelines/moe_selection",
    *(f"metrics/{name}.py" for name in ("columns", "resampling", "statistics")),
)
LIBRARIES = ("numpy", "pandas", "scipy")


def compute_statistics(
    all_scores: pd.DataFrame,
    selection: pd.DataFrame,
    set_scores: pd.DataFrame,
    moe: Moe,
    scoring: Scoring,
    seed: int,
) -> Work:
    """The work for ``statistics``: the tables of :func:`summarise_variants`, :func:`compare_variants` and :func:`share_wins`.

    An error in one ends the run, as it would in a node of its own.
    """
    computed: dict[str, Callable[[], pd.DataFrame]] = {
        SUMMARY: lambda: summarise_variants(all_scores, selection, set_scores, moe, scoring, seed),
        DIFFERENCES: lambda: compare_variants(all_scores, selection, moe, seed),
        WINS: lambda: share_wins(selection, all_scores, moe),
    }
    maker = {"code": code_hash(*CODE), **{name: version(name) for name in LIBRARIES}}
    mark = fingerprint(
        tables=[table_hash(table) for table in (all_scores, selection, set_scores)],
        settings=[moe.model_dump(mode="json"), scoring.model_dump(mode="json"), seed],
        maker=maker,
    )

    def produce(todo: list[Job]) -> Iterator[tuple[Job, Outcome]]:
        from tpige_kedro.schemas.tables import STATISTICS

        for job in todo:
            yield job, Result(STATISTICS[job.key].validate(job.request()))

    jobs = [Job(key, mark, compute) for key, compute in computed.items()]
    return Work(STAGE, jobs, produce, maker)
