"""Tables, CSV files, MLflow and the report show the same numbers, to the last digit."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mlflow_store import Store
from project import Project, row

REPORT = "08_reporting"


@pytest.fixture
def finished(project: Project, store: Store) -> Project:
    project.write_samples([row(1, prompt="A man reads."), row(2, prompt="A faceless man."), row(3)])
    project.run("full")
    return project


def test_everything_agrees(finished: Project, store: Store) -> None:
    summary = finished.table(f"{REPORT}/variant_summary.parquet")
    scores = finished.table(f"{REPORT}/scores.parquet")
    the_summary_is_the_mean_of_the_scores(summary, scores)
    csv_and_parquet_agree(finished)
    mlflow_has_the_summary(store, summary)
    mlflow_has_the_scores(store, scores)
    file = finished.data / REPORT / "paper_tables.csv"
    mlflow_has_the_papers_tables(store, pd.read_csv(file, float_precision="round_trip"))
    mlflow_has_the_wins(store, finished.table(f"{REPORT}/win_shares.parquet"))
    the_report_has_the_summary(finished.data / REPORT / "report.html", summary)


def the_summary_is_the_mean_of_the_scores(summary: pd.DataFrame, scores: pd.DataFrame) -> None:
    for line in summary[summary["variant"].isin(scores["variant"])].itertuples():
        values = scores.loc[scores["variant"] == line.variant, line.metric].dropna()
        assert line.n == len(values)
        np.testing.assert_allclose(line.mean, values.mean(), rtol=1e-12)
    assert (summary.loc[summary["metric"] == "arc_score", "n"] < 3).any(), (
        "a missing value is left out"
    )


def csv_and_parquet_agree(project: Project) -> None:
    for name in ("scores", "selection", "variant_summary", "variant_differences"):
        exact = project.table(f"{REPORT}/{name}.parquet")
        text = pd.read_csv(project.data / REPORT / f"{name}.csv", float_precision="round_trip")
        assert list(text.columns) == list(exact.columns)
        for column in exact.select_dtypes("number"):
            np.testing.assert_array_equal(
                text[column].to_numpy(float), exact[column].to_numpy(float)
            )


def mlflow_has_the_summary(store: Store, summary: pd.DataFrame) -> None:
    (parent,) = store.parents()
    children = store.children(parent)
    checked = 0
    for line in summary.to_dict("records"):
        variant, metric = line["variant"], line["metric"]
        metrics = children[variant].data.metrics if variant in children else parent.data.metrics
        name = "Overall" if metric == "overall" else metric
        name = name if variant in children else f"{variant}.{name}"
        if not np.isnan(line["mean"]):
            assert metrics[name] == line["mean"]
            checked += 1
    assert checked > 10
    whole = store.table(parent, "variant_summary.json")
    same_intervals(whole, summary)
    present = summary[summary["mean"].notna()]
    means = [
        store.table(c, "means.json") for n, c in children.items() if n in set(present["variant"])
    ]
    same_intervals(pd.concat(means), present[present["variant"].isin(children)])


def same_intervals(logged: pd.DataFrame, summary: pd.DataFrame) -> None:
    ours, theirs = (table.set_index(["variant", "metric"]) for table in (summary, logged))
    assert set(ours.index) == set(theirs.index)
    for part in ("mean", "low", "high", "n"):
        np.testing.assert_array_equal(theirs.loc[ours.index, part].to_numpy(float), ours[part])


def mlflow_has_the_papers_tables(store: Store, page: pd.DataFrame) -> None:
    (parent,) = store.parents()
    logged = store.table(parent, "paper_tables.json")
    assert list(logged.columns) == list(page.columns) and len(logged) == len(page)
    ours = page["source"] == "this run"
    assert ours.any()
    np.testing.assert_array_equal(logged.loc[ours, "overall"], page.loc[ours, "overall"])
    assert "<svg" in store.path(parent, "variant_means.svg").read_text()


def mlflow_has_the_scores(store: Store, scores: pd.DataFrame) -> None:
    (parent,) = store.parents()
    for variant, mine in scores.groupby("variant"):
        logged = store.table(store.children(parent)[variant], "scores.json").set_index("sample_id")
        for line in mine.to_dict("records"):
            for metric in mine.select_dtypes("number"):
                value = logged.loc[line["sample_id"], metric]
                assert value == line[metric] or (pd.isna(value) and pd.isna(line[metric]))


def mlflow_has_the_wins(store: Store, wins: pd.DataFrame) -> None:
    (parent,) = store.parents()
    for line in wins.itertuples():
        metrics = store.children(parent)[line.variant].data.metrics
        assert (metrics["wins"], metrics["win_share"]) == (
            line.wins,
            line.share,
        )


def the_report_has_the_summary(page: Path, summary: pd.DataFrame) -> None:
    cell = r'data-variant="([^"]+)" data-metric="([^"]+)" data-mean="([^"]+)" data-low="([^"]+)" data-high="([^"]+)"'
    shown = {
        (v, m): [float(x) for x in numbers] for v, m, *numbers in re.findall(cell, page.read_text())
    }
    expected = summary[summary["n"] > 0].set_index(["variant", "metric"])[["mean", "low", "high"]]
    assert len(expected) > 10 and set(shown) == set(expected.index)
    for key, numbers in shown.items():
        np.testing.assert_array_equal(numbers, expected.loc[key].to_numpy())
