"""What is measured while the product's own code runs."""

from __future__ import annotations

import json
from pathlib import Path

from click.testing import CliRunner

from tpige_kedro.commands.rehearse import rehearse
from tpige_kedro.rehearsal.estimate import NEVER_MEASURED, Row
from tpige_kedro.rehearsal.instruments import SCHEDULERS
from tpige_kedro.rehearsal.report import Report
from tpige_kedro.video_generators.wan_timesteps import FEW_STEPS


def test_the_steps_of_every_sampler_are_measured() -> None:
    assert {cls.__name__ for cls in FEW_STEPS.values()} <= set(SCHEDULERS)


def test_few_lcm_steps_have_their_seconds_and_hours(tmp_path: Path) -> None:
    options = ["--env", "vace_1_3b_fast", "--scale", "tiny", "--models", "vace_1_3b"]
    options += ["--scratch", str(tmp_path / "scratch"), "--to", str(tmp_path / "table")]
    result = CliRunner().invoke(rehearse, options)
    assert result.exit_code == 0, result.output
    rows = {row["what"]: row for row in json.loads((tmp_path / "table.json").read_text())["rows"]}
    for variant in ("vace", "vace_pe", "vace_pe_ge", "vace_pe_ge_no_skip"):
        assert rows[variant]["step"] and rows[variant]["hours"]
        assert rows[variant]["full_steps"] == 4


def test_hours_that_are_not_known_are_named() -> None:
    measured = Row("generation of a", "vace", model="a", full_item=3.6, hours=1.0)
    unknown = Row("generation of b", "phantom", model="b", notes=[NEVER_MEASURED])
    report = Report({}, samples=1000)
    report.rows = [measured]
    assert "1.0 hours, 0.0 GB" in report.text() and "not measured" not in report.text()
    report.rows = [measured, unknown]
    assert "1.0 hours without those of phantom (not measured), 0.0 GB" in report.text()
