"""``kedro plan``: the table of a fresh, a half-finished and a finished data root, and what is refused."""

from __future__ import annotations

import pytest
from click.testing import CliRunner, Result

from project import Project
from tpige_kedro.commands.plan import plan


def planned(project: Project, *options: str) -> Result:
    roots = ",".join(f"{key}={value}" for key, value in project.roots.items())
    place = ["--env", project.env, "--conf-source", str(project.conf), f"--params={roots}"]
    return CliRunner().invoke(plan, [*place, *options])


def row_of(text: str, *words: str) -> list[str]:
    lines = (line.split() for line in text.splitlines())
    return next(line for line in lines if line[: len(words)] == [*words])


def test_fresh_half_finished_and_finished(project: Project) -> None:
    fresh = planned(project, "--gpus", "1,3")
    assert fresh.exit_code == 0, fresh.output
    assert "h on 1" in fresh.output and "h on 3" in fresh.output and "h on 2" not in fresh.output
    assert row_of(fresh.output, "clips", "vace")[2:5] == ["0", "2", "unknown"]
    assert "variants.hailuo is skipped, as in a run: no key" in fresh.output
    assert "N GPUs stand for N workers" in fresh.output
    project.run()
    project.forget_work()
    clips = project.data / "07_model_output" / "clips" / "vace"
    record = (clips / "s1.json").rename(project.folder / "aside.json")
    half = planned(project)
    assert half.exit_code == 0 and not project.work
    done, left, seconds, *source = row_of(half.output, "clips", "vace")[2:9]
    assert (done, left, source) == ("1", "1", ["median", "of", "1", "record"])
    assert float(seconds) >= 0
    assert row_of(half.output, "clips", "vace_pe_ie")[2:4] == ["2", "0"]
    record.rename(clips / "s1.json")
    finished = planned(project)
    assert finished.exit_code == 0
    first, *notes = finished.output.splitlines()
    assert first == f"nothing is left to do: 14 items of 2 samples are done in {project.data}"
    assert all(line.startswith("note: ") for line in notes)


@pytest.mark.parametrize("numbers", ["0", "1,,2", "two", "1,-1"])
def test_numbers_of_gpus_that_are_none(project: Project, numbers: str) -> None:
    result = planned(project, "--gpus", numbers)
    assert result.exit_code == 2 and "--gpus" in result.output


def test_what_is_wrong_is_said_as_by_a_run(project: Project) -> None:
    absent = planned(project, "--rehearsal", str(project.folder / "none.json"))
    assert absent.exit_code == 1 and "No such file" in absent.output
    project.configure(seed="much")
    wrong = planned(project)
    assert wrong.exit_code == 1 and "seed" in wrong.output
