"""The demo: a study of a small run with simulated raters, from the pair list to the report, Table 1 and MLflow."""

from __future__ import annotations

import json
import logging
import shutil
from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner

from mlflow_store import Store
from project import Project, row
from tpige_kedro.commands.forget import forget
from tpige_kedro.datasets import TablesDataset
from tpige_kedro.study.simulated import Behaviour, simulate_votes
from tpige_kedro.study.votes_store import Vote, VotesStore

BEHAVIOUR = Behaviour({"vace": 0.0, "vace_pe_ie": 1.5}, careless=["r05"])
RATERS = [f"r{i:02}" for i in range(6)]


def test_a_study_from_its_pairs_to_its_results(
    project: Project, empty_store: Path, caplog: pytest.LogCaptureFixture
) -> None:
    project.write_samples([row(i) for i in range(1, 4)])
    project.configure(study={"attention": 1.0, "repeats": 0.4, "swapped_repeats": 0.4})
    with caplog.at_level(logging.INFO):
        project.run("full", "study")
    folder = project.data / "08_reporting" / "study"
    results = TablesDataset(path=str(folder / "results"))
    assert "no votes yet; kedro study shows the pairs to raters" in caplog.text
    assert results.load() == {} and len(pd.read_parquet(folder / "votes.parquet")) == 0
    assert 'id="study"' not in (project.data / "08_reporting/report.html").read_text()

    pairs = pd.read_parquet(folder / "pairs.parquet")
    votes = simulate_votes(pairs, RATERS, BEHAVIOUR, 0)
    leave(folder, votes, pairs.attrs["study"])
    store = with_mlflow(project, empty_store)
    caplog.clear()
    project.run("study")

    pd.testing.assert_frame_equal(
        pd.read_parquet(folder / "votes.parquet").sort_values("vote_id", ignore_index=True),
        votes.sort_values("vote_id", ignore_index=True),
        check_dtype=False,
    )
    assert len(pd.read_csv(folder / "votes.csv")) == len(votes)
    assert "other.json: votes of another study" in caplog.text
    tables = results.load()
    assert list(tables) == ["about", "scores", "wins", "agreement", "raters", "metrics", "weights", "left_out", "refused", "clips"]  # fmt: skip
    assert tables["raters"].set_index("rater")["kept"].to_dict() == {r: r != "r05" for r in RATERS}
    scores = tables["scores"].query("raters == 'kept'").set_index("variant")
    assert scores.index[0] == "vace_pe_ie" and scores["points"].sum() == 5 * 3
    assert {"overall", "gme_score"} <= set(tables["metrics"]["metric"])
    assert len(tables["clips"]) == 6
    assert [line.partition(":")[0] for line in tables["refused"]["problem"]] == ["other.json"]

    html = (project.data / "08_reporting/report.html").read_text()
    assert '<section id="study">' in html and "18 votes by 6 raters about clips of 3 samples" in html  # fmt: skip
    paper = project.table("08_reporting/paper_tables.parquet")
    ours = paper[(paper["table"] == 1) & (paper["source"] == "this run")].set_index("variant")
    (parent,) = store.parents()
    for variant, run in store.children(parent).items():
        if variant in scores.index:
            points = scores.loc[variant, "points"]
            assert run.data.metrics["user_study.overall.points"] == points
            assert run.data.metrics["user_study.overall.share"] == scores.loc[variant, "share"]
            assert ours.loc[variant, "user_study"] == points
    assert parent.data.metrics["user_study.votes"] == 18
    assert parent.data.metrics["user_study.raters_kept"] == 5
    assert "user_study.overall.agrees.overall" in parent.data.metrics
    assert "user_study/scores.json" in store.artifacts(parent)

    roots = [f"--{name.replace('_', '-')}={place}" for name, place in project.roots.items()]
    done = CliRunner().invoke(forget, ["p1", *roots, "--yes"])
    assert done.exit_code == 0, done.output
    assert results.load() == {}, "tables of a study that showed the person are made again"
    assert not [f for f in results.path.iterdir() if b"s1" in f.read_bytes()]


def leave(folder: Path, votes: pd.DataFrame, study: str) -> None:
    """The votes of most raters in the server's store, those of one in a file, beside a file of another study."""
    store = VotesStore(folder)
    for vote in votes[votes["rater"] != "r02"].itertuples(index=False):
        assert store.add(Vote(*vote))
    store.close()
    files = folder / "votes_from_files"
    files.mkdir()
    mine = votes[votes["rater"] == "r02"].to_dict("records")
    for name, of in (("r02.json", study), ("other.json", "another")):
        content = {"format": "tpige-study-votes/1", "study": of, "votes": mine}
        (files / name).write_text(json.dumps(content))


def with_mlflow(project: Project, empty_store: Path) -> Store:
    """From now on runs are logged."""
    file = project.folder / "mlflow.db"
    shutil.copy(empty_store, file)
    settings = "experiment: tests\nclips_per_variant: 0\nsheets_per_run: 0\n"
    (project.conf / project.env / "mlflow.yml").write_text(settings)
    return Store(file)
