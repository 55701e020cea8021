"""The project with its own data and configuration in a temporary folder, run in this process or as a command."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import yaml
from kedro.framework.project import pipelines
from kedro.framework.session import KedroSession
from kedro.framework.startup import bootstrap_project
from PIL import Image

from warm import WarmCommand

ROOT = Path(__file__).parents[1]
COLUMNS = ["sample_id", "person_id", "prompt", "reference", "consent"]

STAGES = (
    "prompt_enhancement",
    "reference_enhancement",
    "generation_variants",
    "scoring",
    "moe_selection",
)

FAKE_MODELS = {
    "mini_vace": "Generator",
    "mini_phantom": "Generator",
    "hailuo": "Generator",
    "mini_reader": "Reader",
    "mini_still": "Editor",
    "mini_identity": "Judge",
    "mini_face": "FaceScorer",
    "mini_alignment": "AlignmentScorer",
    "mini_motion": "MotionScorer",
    "mini_imaging": "ImagingScorer",
}


@dataclass
class Project:
    """``folder`` holds ``conf`` (a copy that tests change), ``samples`` and ``data``; ``env`` is what runs use."""

    folder: Path
    env: str = "fake"

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def samples(self) -> Path:
        return self.folder / "samples"

    @property
    def conf(self) -> Path:
        return self.folder / "conf"

    @property
    def roots(self) -> dict[str, str]:
        return {"data_root": str(self.data), "samples_root": str(self.samples)}

    def write_samples(self, rows: list[dict[str, str]]) -> None:
        """Write ``samples.csv`` and a picture for each row that has none."""
        (self.samples / "references").mkdir(parents=True, exist_ok=True)
        with (self.samples / "samples.csv").open("w", newline="") as file:
            writer = csv.DictWriter(file, COLUMNS)
            writer.writeheader()
            writer.writerows(rows)
        for index, row in enumerate(rows):
            picture = self.samples / "references" / row["reference"]
            if not picture.exists():
                Image.new("RGB", (32, 32), (40 * (index % 6), 80, 120)).save(picture)

    def configure(self, **parameters: Any) -> None:
        """Change parameters of the environment; nested keys are merged."""
        file = self.conf / self.env / "parameters.yml"
        file.parent.mkdir(parents=True, exist_ok=True)
        known = yaml.safe_load(file.read_text()) if file.exists() else {}
        file.write_text(yaml.safe_dump(merged(known, parameters)))

    def run(self, *names: str, **params: Any) -> dict[str, Any]:
        """What ``kedro run --pipelines=...`` does, in this process; by default the stages without the report."""
        bootstrap_project(ROOT)
        with KedroSession.create(
            project_path=ROOT,
            env=self.env,
            conf_source=str(self.conf),
            runtime_params={**self.roots, **params},
        ) as session:
            try:
                return session.run(pipeline_names=list(names or STAGES))
            finally:
                pipelines.set_requested(None)

    def command(
        self, *arguments: str, module: tuple[str, ...] = ("kedro", "run"), **environment: str
    ) -> subprocess.Popen[str]:
        """``kedro run`` (or ``python -m`` another module) as a process of its own, in a fresh interpreter."""
        return subprocess.Popen(
            [sys.executable, "-m", *module, *self._options(), *arguments],
            cwd=ROOT,
            env=self._environment(environment),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def warm_command(self, *arguments: str, **environment: str) -> WarmCommand:
        """``kedro run`` as a process of its own that starts at once, for tests of many or of killed ones."""
        return WarmCommand(
            ["kedro", "run", *self._options(), *arguments], ROOT, self._environment(environment)
        )

    def _options(self) -> list[str]:
        roots = ",".join(f"{key}={value}" for key, value in self.roots.items())
        return [f"--env={self.env}", f"--conf-source={self.conf}", f"--params={roots}"]

    def _environment(self, more: Mapping[str, str]) -> dict[str, str]:
        paths = os.pathsep.join([str(ROOT / "src"), str(Path(__file__).parent)])
        return {**os.environ, "PYTHONPATH": paths, "DO_NOT_TRACK": "1", **more}

    def table(self, name: str) -> pd.DataFrame:
        """A Parquet table below ``data``."""
        return pd.read_parquet(self.data / name)

    def files(self, pattern: str) -> list[str]:
        """Files below ``data``, relative."""
        return sorted(str(f.relative_to(self.data)) for f in self.data.glob(pattern))

    @property
    def work(self) -> list[str]:
        """What the stand-in models did since :meth:`forget_work`."""
        file = self.folder / "fakes.log"
        return file.read_text().splitlines() if file.exists() else []

    def forget_work(self) -> None:
        (self.folder / "fakes.log").unlink(missing_ok=True)


def merged(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """``old`` with the values of ``new``, nested mappings merged."""
    both = {
        key: merged(old[key], value)
        if isinstance(old.get(key), dict) and isinstance(value, dict)
        else value
        for key, value in new.items()
    }
    return {**old, **both}


def row(number: int, **changes: str) -> dict[str, str]:
    """A row of ``samples.csv``."""
    return {
        "sample_id": f"s{number}",
        "person_id": f"p{number}",
        "prompt": "A man waves.",
        "reference": f"r{number}.png",
        "consent": "synthetic",
        **changes,
    }
