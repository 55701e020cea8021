"""Which models a run needs, and what is demanded of those it does not need: nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from environments import parameters, stages
from project import Project
from tpige_kedro.hooks.errors import RunStopped
from tpige_kedro.hooks.preflight import check_models, check_signing, needed_models
from tpige_kedro.schemas import Parameters

OTHER = {"type": "fakes.Judge", "licence": "x"}
EXTRA = {"models": {"judge": OTHER, "writer": OTHER, "set_scorer": OTHER}}
ROLES = {"judge": "reference_enhancement.judge", "writer": "reference_enhancement.writer"}


def everything() -> Parameters:
    """Each role by a model of its own."""
    return parameters(
        **EXTRA,
        reference_enhancement={"judge": "judge", "writer": "writer"},
        scoring={"set_scorer": "set_scorer"},
    )


def test_every_role_of_a_full_run_is_looked_at() -> None:
    needed = needed_models(stages("full"), everything())
    assert needed == {
        "mini_reader": "prompt_enhancement.reader",
        "mini_still": "reference_enhancement.editor",
        "judge": "reference_enhancement.judge",
        "writer": "reference_enhancement.writer",
        **dict.fromkeys(
            ("mini_face", "mini_alignment", "mini_motion", "mini_imaging", "motion_amount"),
            "scoring.scorers",
        ),
        "set_scorer": "scoring.set_scorer",
        "mini_phantom": "variants.phantom_pe_ge.generator",
        "mini_vace": "variants.vace_pe_ge.generator",
        "mini_vace_fast": "variants.vace_pe_ge_fast.generator",
    }


@pytest.mark.parametrize(
    ("stage", "names"),
    [
        ("prompt_enhancement", {"mini_reader"}),
        ("reference_enhancement", {"mini_still", "judge", "writer"}),
        ("generation_variants", {"mini_phantom", "mini_vace", "mini_vace_fast"}),
        (
            "scoring",
            {
                "mini_face",
                "mini_alignment",
                "mini_motion",
                "mini_imaging",
                "motion_amount",
                "set_scorer",
            },
        ),
        ("moe_selection", set()),
        ("reporting", set()),
        ("train_mini", set()),
    ],
)
def test_a_stage_needs_its_own_models(stage: str, names: set[str]) -> None:
    assert set(needed_models(stages(stage), everything())) == names


def test_roles_that_nobody_has_need_nothing() -> None:
    needed = needed_models(stages("full"), parameters(**EXTRA))
    assert not {"judge", "writer", "set_scorer"} & set(needed)


def test_without_a_variant_with_an_enhanced_reference_nobody_draws() -> None:
    original: dict[str, Any] = {"variants": {"vace_pe_ie": {"reference": "original"}}}
    known = everything().model_dump(mode="json")
    for name in original["variants"]:
        known["variants"][name]["reference"] = "original"
    needed = needed_models(stages("full"), Parameters.model_validate(known))
    assert not {"mini_still", "judge", "writer"} & set(needed)
    assert {"mini_reader", "mini_vace"} <= set(needed)


def test_a_skipped_variant_draws_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """The only variant with an enhanced reference has no key."""
    monkeypatch.delenv("MINIMAX_API_KEY", raising=False)
    known = everything().model_dump(mode="json")
    known["variants"]["vace_pe_ie"]["generator"] = "hailuo"
    changed = Parameters.model_validate(known)
    assert "mini_still" not in needed_models(stages("full"), changed)
    monkeypatch.setenv("MINIMAX_API_KEY", "a-key-for-tests")
    assert {"mini_still", "judge", "hailuo"} <= set(needed_models(stages("full"), changed))


@pytest.mark.parametrize("role", ["judge", "writer", "set_scorer"])
def test_what_is_wrong_with_a_model_of_each_role_is_reported(role: str, tmp_path: Path) -> None:
    known = everything().model_dump(mode="json")
    known["models"][role]["source"] = str(tmp_path / "is/not/there")
    (problem,) = check_models(stages("full"), Parameters.model_validate(known))
    assert problem.models == (role,)
    assert f"models.{role} (" in str(problem)
    assert "no such file or folder" in str(problem)


@pytest.mark.parametrize("role", ["mini_vace", "judge", "writer", "set_scorer"])
def test_a_folder_that_is_not_whole_is_reported_for_each_role(role: str, tmp_path: Path) -> None:
    (tmp_path / "model_index.json").write_text('{"_class_name": "P", "vae": ["diffusers", "V"]}')
    known = everything().model_dump(mode="json")
    known["models"][role]["source"] = str(tmp_path)
    (problem,) = check_models(stages("full"), Parameters.model_validate(known))
    assert problem.models == (role,) and problem.missing
    assert f"{tmp_path} has no vae/config.json" in str(problem)


@pytest.mark.parametrize("stage", ["generation_variants", "full", "evaluate", "scoring"])
def test_a_certificate_is_looked_at_where_clips_are_made(stage: str, tmp_path: Path) -> None:
    place = str(tmp_path / "none.pem")
    signed = parameters(provenance={"certificate": place, "private_key": place})
    found = list(check_signing(stages(stage), signed))
    assert bool(found) is (stage != "scoring")
    assert all(place in problem for problem in found)
    assert list(check_signing(stages(stage), parameters())) == []


def test_all_problems_come_together(project: Project, tmp_path: Path) -> None:
    """Files, memory of the host, a GPU, a server and a certificate: one list, nothing loaded, nothing written."""
    nobody = {"type": "fakes.Reader", "options": {"base_url": "http://127.0.0.1:9/v1"}}
    project.configure(
        models={
            "mini_reader": nobody,
            "mini_vace": {
                "memory": {"host": 9e9},
                "options": {"height": 10**6, "width": 10**6, "num_frames": 999},  # 100 TB a clip
            },
            "mini_still": {"options": {"device": "cuda:99"}},
            "mini_motion": {"source": str(tmp_path / "away")},
        },
        provenance={
            "certificate": str(tmp_path / "c.pem"),
            "private_key": str(tmp_path / "k.pem"),
        },
    )
    with pytest.raises(RunStopped) as stopped:
        project.run("full")
    first, *lines = str(stopped.value).splitlines()
    assert first == "preflight checks failed:"
    for expected in (
        "models.mini_motion (scoring.scorers): ",
        "models.mini_reader (prompt_enhancement.reader): nothing answers at base_url http://127.0.0.1:9/v1",
        "models.mini_vace (variants.vace_pe_ie.generator): needs 9000000000.0 GiB of host memory",
        "models.mini_still (reference_enhancement.editor): options.device",
        " of clips (4 x 99900000.0 MB)",
        "c.pem",
    ):
        assert any(line.strip().startswith(expected) or expected in line for line in lines), (
            expected
        )
    assert project.work == []
    assert project.files("**/*.parquet") == []
