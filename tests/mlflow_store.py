"""What MLflow was told, for tests."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import pandas as pd


@dataclass
class Store:
    """The runs of one experiment in a SQLite file."""

    file: Path
    experiment: ClassVar[str] = "tests"

    @property
    def client(self) -> Any:
        from mlflow import MlflowClient

        return MlflowClient(f"sqlite:///{self.file}")

    def runs(self, query: str = "") -> list[Any]:
        """Runs, newest first."""
        experiment = self.client.get_experiment_by_name(self.experiment)
        return list(self.client.search_runs([experiment.experiment_id], query))

    def parents(self) -> list[Any]:
        return [run for run in self.runs() if "mlflow.parentRunId" not in run.data.tags]

    def children(self, parent: Any) -> dict[str, Any]:
        mine = self.runs(f"tags.mlflow.parentRunId = '{parent.info.run_id}'")
        return {run.data.tags["variant"]: run for run in mine}

    def artifacts(self, run: Any, folder: str | None = None) -> list[str]:
        """All artifact files of a run."""
        found: list[str] = []
        for item in self.client.list_artifacts(run.info.run_id, folder):
            found += self.artifacts(run, item.path) if item.is_dir else [item.path]
        return sorted(found)

    def path(self, run: Any, name: str) -> Path:
        return Path(self.client.download_artifacts(run.info.run_id, name))

    def table(self, run: Any, name: str) -> pd.DataFrame:
        content = json.loads(self.path(run, name).read_text())
        return pd.DataFrame(content["data"], columns=content["columns"])
