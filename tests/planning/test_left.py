"""What is left, before a run and as the run then finds it: the same, whatever has changed."""

from __future__ import annotations

import contextlib
from pathlib import Path

from kedro.framework.project import pipelines
from kedro.framework.session import KedroSession
from kedro.framework.startup import bootstrap_project
from PIL import Image

from project import ROOT, STAGES, Project, row
from tpige_kedro.execution.tally import tallies, tally_label
from tpige_kedro.hooks.errors import RunStopped
from tpige_kedro.planning.left import Left, look


def planned(project: Project) -> Left:
    bootstrap_project(ROOT)
    session = KedroSession.create(
        project_path=ROOT,
        env=project.env,
        conf_source=str(project.conf),
        runtime_params=project.roots,
    )
    return look(pipelines["full"], session.load_context().catalog)


def counts(left: Left) -> dict[str, int]:
    """Items left by stage and variant, where there are any."""
    found = {tally_label(part.label, part.group): len(part.left) for part in left.parts}
    return {label: count for label, count in found.items() if count}


def made(project: Project) -> dict[str, int]:
    """What a run makes or tries to."""
    with contextlib.suppress(RunStopped):
        project.run(*STAGES[:4])
    found = {tally.label: tally.total - tally.kept for tally in tallies()}
    return {label: count for label, count in found.items() if count}


def snapshot(folder: Path) -> dict[str, tuple[int, int]]:
    return {str(file): (file.stat().st_mtime_ns, file.stat().st_size) for file in folder.rglob("*")}


def clip(project: Project, suffix: str, variant: str = "vace") -> Path:
    return project.data / "07_model_output" / "clips" / variant / f"s1{suffix}"


def step(project: Project, **expected: int) -> Left:
    """What the plan says before a run, which must be what the run then makes; nothing is written or loaded for it.

    What follows may be less: a face is read as before, a clip comes out as it was or fails.
    """
    project.forget_work()
    before = snapshot(project.folder)
    left = planned(project)
    assert snapshot(project.folder) == before and not project.work
    found = counts(left)
    assert found.items() >= expected.items(), found
    afterwards = made(project)
    for label in found.keys() | afterwards.keys():
        planned_, made_ = found.get(label, 0), afterwards.get(label, 0)
        follows = label.startswith("scoring.") or label == "enhanced_prompts"
        assert planned_ == made_ or (follows and planned_ > made_), (label, planned_, made_)
    return left


def test_what_is_left_is_what_the_run_then_makes(project: Project) -> None:
    left = planned(project)
    assert not project.data.exists()  # a fresh one is not even made
    assert left.samples == 2
    assert not any(part.kept for part in left.parts)
    step(project, prompt_enhancement=2, **{"generation_variants.vace_pe_ie": 2})

    clip(project, ".json").unlink()  # one clip is gone, another is not what was saved
    clip(project, ".mp4").unlink()
    clip(project, ".mp4", "vace_pe_ie").write_bytes(b"nothing")
    step(project, **{"generation_variants.vace": 1, "generation_variants.vace_pe_ie": 1})

    rows = [row(1, prompt="A man swims."), row(2, prompt="A man runs."), row(3, prompt="unmakeable")]  # fmt: skip
    project.write_samples(rows)
    Image.new("RGB", (32, 32), (9, 9, 9)).save(project.samples / "references" / "r2.png")
    step(project, prompt_enhancement=2, **{"generation_variants.vace": 3, "scoring.vace": 3})

    project.configure(variants={"vace": {"guidance": {"text_weight": 3.0}}})  # the other one failed
    left = step(project, **{"generation_variants.vace": 3, "generation_variants.vace_pe_ie": 1})
    assert {part.group: part.failed for part in left.parts if part.failed} == {"vace_pe_ie": 1}
    assert "scoring.vace_pe_ie" not in counts(left)

    project.write_samples(rows[:2])
    assert not counts(planned(project))

    for file in (project.data / "04_feature" / "face_attributes").glob("p*.json"):
        file.unlink()  # will be read as they were: what is made from them counts as left all the same
    found = counts(planned(project))
    assert found.items() >= {"prompt_enhancement": 2, "generation_variants.vace_pe_ie": 2}.items()
    assert "generation_variants.vace" not in found


def test_a_sample_that_cannot_be_used_is_refused_here_too(project: Project) -> None:
    (project.samples / "references" / "r2.png").write_bytes(b"no picture")
    left = planned(project)
    assert (left.samples, left.refused) == (1, 1)
    assert counts(left)["generation_variants.vace"] == 1
