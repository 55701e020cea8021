"""MLflow's pages: the link that opens the chart of a run's variants, and their order there."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import quote

from tpige_kedro.hooks.mlflow.outage import sqlite_file
from tpige_kedro.hooks.mlflow.uri import shown

ORDER = "tpige.order"  # the tag of a variant's run by which the chart page is sorted
HERE = "http://127.0.0.1:5000"  # of `mlflow ui`
PLACES = ("data_root", "samples_root", "sample_list", "mlflow", "wait", "verify", "strict")
SETTING = 40  # characters of what differs from the environment, in the name of a run


def chart_link(server: str, experiment: str, parent: str = "") -> str:
    """The page with a bar of every variant for each metric: of one run, or without ``parent`` of all runs.

    >>> chart_link(HERE, "1", "ab")[:80]
    'http://127.0.0.1:5000/#/experiments/1/runs?searchFilter=tags.mlflow.parentRunId%'
    """
    wanted = f"tags.mlflow.parentRunId='{parent}'" if parent else 'tags.variant LIKE "%"'
    query = {
        "searchFilter": wanted,
        "orderByKey": f"tags.`{ORDER}`",
        "orderByAsc": "true",
        "compareRunsMode": "CHART",
    }
    asked = "&".join(f"{name}={quote(value, safe='')}" for name, value in query.items())
    return f"{server}/#/experiments/{experiment}/runs?{asked}"


def how_to_look(uri: str, experiment: str, parent: str, has_variants: bool) -> str:
    """How to see a run in a browser, in one sentence without secrets.

    >>> how_to_look("http://me:secret@lab:5000", "1", "ab", has_variants=False)
    'open http://lab:5000/#/experiments/1/runs/ab'
    >>> how_to_look("sqlite:////x/mlflow.db", "1", "ab", has_variants=False)
    'mlflow ui --backend-store-uri sqlite:////x/mlflow.db, then open http://127.0.0.1:5000/#/experiments/1/runs/ab'
    """
    local = sqlite_file(uri) is not None
    if not local and not uri.startswith(("http://", "https://")):
        return f"in {shown(uri)}"
    server = HERE if local else shown(uri).replace("***@", "").rstrip("/")
    page = f"{server}/#/experiments/{experiment}/runs/{parent}"
    link = chart_link(server, experiment, parent) if has_variants else page
    return f"mlflow ui --backend-store-uri {uri}, then open {link}" if local else f"open {link}"


def in_order(
    variants: Iterable[str], overall: Mapping[str, float], baseline: str | None
) -> list[str]:
    """The baseline first, then the others by their overall score, then those without one.

    MLflow's chart page shows the first ten rows only; so the baseline is always among them, whatever it is compared with.

    >>> in_order(["a", "vace", "b", "c"], {"a": 0.1, "b": 0.3, "vace": 0.2}, "vace")
    ['vace', 'b', 'a', 'c']
    """

    def place(name: str) -> tuple[bool, bool, float]:
        score = overall.get(name, math.nan)
        unknown = math.isnan(score)
        return name != baseline, unknown, 0.0 if unknown else -score

    return sorted(variants, key=place)


def setting_in_words(env: str | None, runtime_params: Mapping[str, Any] | None) -> str:
    """What a run was started with, apart from the places of its files: the environment, and parameters of the command line.

    >>> setting_in_words("test", {"data_root": "x", "seed": 3, "moe": {"noise": "own"}})
    'test seed=3 noise=own'
    >>> setting_in_words(
    ...     "local", {"run_variants": ["vace", "vace_pe"], "mlflow": {"tracking_uri": "x"}}
    ... )
    'run_variants=vace,vace_pe'
    >>> setting_in_words("local", None)
    ''
    """
    given = {k: v for k, v in (runtime_params or {}).items() if k not in PLACES}
    pairs = [f"{name}={value}" for name, value in _leaves(given) if "://" not in str(value)]
    words = " ".join([*([env] if env and env != "local" else []), *pairs])
    return words if len(words) <= SETTING else f"{words[: SETTING - 1]}…"


def _leaves(values: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """The values at the ends, with the last part of their keys: names of runs are short of room."""
    for key, value in values.items():
        if isinstance(value, Mapping):
            yield from _leaves(value)
        else:
            yield key, ",".join(map(str, value)) if isinstance(value, list | tuple) else value


def run_label(now: datetime, setting: str = "") -> str:
    """What tells the runs of one variant apart in MLflow's lists, which cut names: the setting, then when it was.

    >>> run_label(datetime(2026, 11, 28, 19, 5), "seed=3")
    'seed=3 28 Nov 19:05'
    """
    return f"{setting} {now:%d %b %H:%M}".strip()
