"""Noise that variants share, or that each has of its own: which seeds, which records, and which clips are made again."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest
import yaml
from clip_stage import MODEL, PLAIN, SEEDLESS, Stage

from tpige_kedro.hooks import parameters
from tpige_kedro.schemas import Noise, Parameters, Variant
from tpige_kedro.seeds import derive_seed, noise_seed

CONF = Path(__file__).parents[3] / "conf" / "base"


@pytest.fixture
def base_parameters() -> dict[str, Any]:
    raw: dict[str, Any] = {}
    for file in sorted(CONF.glob("parameters*.yml")):
        raw |= yaml.safe_load(file.read_text())
    return raw


def variant(**changes: Any) -> Variant:
    return PLAIN.model_copy(update=changes)


TWO = {"a": PLAIN, "b": PLAIN}


def seeds(stage: Stage, noise: Noise, variants: dict[str, Variant]) -> pd.DataFrame:
    """Seeds as variants x samples."""
    stage.noise, stage.variants = noise, variants
    return stage.plan().pivot(index="variant", columns="sample_id", values="seed")


def test_shared_noise_is_that_of_the_sample_whatever_the_variant(stage: Stage) -> None:
    found = seeds(stage, "shared", TWO)
    for sample in ("s1", "s2"):
        assert set(found[sample]) == {derive_seed(0, sample)}


def test_noise_of_its_own_differs_by_variant_and_sample_and_draw(stage: Stage) -> None:
    several = {**TWO, "a_1": variant(draw=1), "b_1": variant(draw=1), "a_2": variant(draw=2)}
    found = seeds(stage, "own", several)
    assert found.stack().nunique() == 2 * len(several)
    assert seeds(stage, "own", several).equals(found)
    stage.seed = 1
    assert not (seeds(stage, "own", several) == found).any(axis=None)


def test_it_depends_on_the_name_and_not_on_which_other_variants_there_are(stage: Stage) -> None:
    alone = seeds(stage, "own", {"b": PLAIN})
    assert alone.loc["b"].equals(seeds(stage, "own", TWO).loc["b"])


@pytest.mark.parametrize("noise", ["shared", "own"])
def test_a_variant_decides_for_itself(stage: Stage, noise: Noise) -> None:
    found = seeds(
        stage, noise, {"a": variant(noise="shared"), "b": variant(noise="own"), "c": PLAIN}
    )
    assert found.loc["a", "s1"] == derive_seed(0, "s1")
    assert found.loc["b", "s1"] == noise_seed(0, "s1", 0, "b")
    assert found.loc["c", "s1"] == noise_seed(0, "s1", 0, "c" if noise == "own" else "")


@pytest.mark.parametrize("draw", [0, 1])
def test_names_of_variants_and_numbers_of_draws_do_not_meet(draw: int) -> None:
    others = [noise_seed(0, "s", n) for n in range(4)] + [noise_seed(0, "s", draw, "draw")]
    assert len(set(others)) == 5 and noise_seed(0, "s", draw, "v") not in others


def test_exactly_the_clips_whose_noise_changes_are_made_again(stage: Stage) -> None:
    """Not those of a variant that keeps the shared noise, nor paid ones of a service that takes no seed."""
    stage.models = {"m": MODEL, "service": SEEDLESS}
    stage.variants = {**TWO, "kept": variant(noise="shared"), "paid": variant(generator="service")}
    before = {key: item.record() for key, item in stage.run().items()}
    stage.forget()
    after = {key: item.record() for key, item in stage.run(noise="own").items()}
    changed = {k for k in before if before[k]["fingerprint"] != after[k]["fingerprint"]}
    assert changed == {"a/s1", "a/s2", "b/s1", "b/s2"}
    assert sorted(stage.log) == sorted(["load generator", *["generate s1", "generate s2"] * 2])
    assert {after[k]["noise"] for k in changed} == {"own"}
    assert {r["noise"] for k, r in after.items() if k not in changed} == {"shared"}
    assert {before[k]["noise"] for k in before} == {"shared"}


def test_a_variant_that_says_what_holds_already_makes_nothing_again(stage: Stage) -> None:
    said = variant(noise="shared")
    assert stage.marks(said) == stage.marks(PLAIN)
    stage.noise = "own"
    assert stage.marks(variant(noise="own")) == stage.marks(PLAIN) != stage.marks(said)


@pytest.mark.parametrize(
    ("moe", "of_variant", "problem"),
    [
        (
            "own",
            None,
            "moe.noise: variants.vace cannot start from noise of its own, since models.s",
        ),
        ("shared", "own", "variants.vace.noise: variants.vace cannot start"),
        ("own", "shared", None),
        ("shared", None, None),
    ],
)
def test_a_model_that_gives_all_clips_the_same_noise(
    base_parameters: dict[str, Any], moe: str, of_variant: str | None, problem: str | None
) -> None:
    raw = base_parameters
    raw["models"]["s"] = {**raw["models"]["mini_vace"], "options": {"shared_noise": 2025}}
    raw["variants"]["vace"] = {"generator": "s", "noise": of_variant}
    raw["moe"]["noise"] = moe
    if problem is None:
        Parameters.model_validate(raw)
        return
    with pytest.raises(ValueError, match="shared_noise: null") as error:
        Parameters.model_validate(raw)
    assert problem in str(error.value)


def test_the_default_is_shared(base_parameters: dict[str, Any]) -> None:
    assert Parameters.model_validate(base_parameters).moe.noise == "shared"


@pytest.mark.parametrize(("noise", "expected"), [("own", "own"), ("shared", None)])
def test_what_moe_says_reaches_the_variants_before_a_run(
    base_parameters: dict[str, Any], monkeypatch: pytest.MonkeyPatch, noise: str, expected: str
) -> None:
    base_parameters["moe"]["noise"] = noise
    base_parameters["variants"]["vace"]["noise"] = "shared"
    for name in ("check_files", "limit_threads"):
        monkeypatch.setattr(parameters, name, lambda _: None)
    hooks, loader = parameters.ParameterHooks(), {"parameters": base_parameters}
    hooks.after_context_created(SimpleNamespace(config_loader=loader))
    assert hooks.parameters.variants["vace"].noise == "shared"
    assert hooks.parameters.variants["vace_pe"].noise == expected
