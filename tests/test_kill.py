"""kill -9 in the middle of the work, five times, then a plain rerun."""

from __future__ import annotations

import random
import time

import pandas as pd

from project import STAGES, Project, row

ALL_WORK = (
    6 + 2 * 6 + 2 * 6 + 2 * 6 * 4
)  # faces read, candidates drawn, clips made, scores of four scorers
TABLES = ["scores", "selection", "variant_summary", "win_shares"]


def kill_after(project: Project, items: int, delay: float) -> bool:
    """Start a run and kill it ``delay`` seconds after it worked on ``items`` more items; whether it was still alive."""
    already = len(project.work)
    process = project.command(f"--pipelines={','.join(STAGES)}", FAKES_SECONDS="0.05")
    while process.poll() is None and len(project.work) < already + items:
        time.sleep(0.01)
    time.sleep(delay)
    alive = process.poll() is None
    process.kill()
    process.communicate()
    return alive


def test_a_run_killed_five_times_ends_like_an_undisturbed_one(project: Project) -> None:
    project.write_samples([row(n) for n in range(6)])
    undisturbed = Project(project.folder)
    undisturbed.run(data_root=str(project.folder / "undisturbed"))

    moments = random.Random(7)
    project.forget_work()
    killed = [kill_after(project, moments.randint(1, 8), moments.uniform(0, 0.3)) for _ in range(5)]
    assert all(killed), "each was killed in the middle of its work"

    rest = project.data / "07_model_output" / "clips" / "vace" / ".tmp-0-s9.mp4"
    rest.parent.mkdir(parents=True, exist_ok=True)
    rest.write_bytes(b"half a clip")
    before = len(project.work)
    project.run()
    assert 0 < len(project.work) - before < ALL_WORK, "it went on where the last one was killed"
    for name in TABLES:
        found, expected = (
            pd.read_parquet(root / "08_reporting" / f"{name}.parquet")
            for root in (project.data, project.folder / "undisturbed")
        )
        pd.testing.assert_frame_equal(found, expected, check_exact=True)
    assert "s9" not in set(project.table("08_reporting/scores.parquet")["sample_id"])
