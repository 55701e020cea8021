from __future__ import annotations

from typing import Any

import pytest
import yaml

from project import ROOT, merged
from tpige_kedro.hooks.errors import RunStopped
from tpige_kedro.hooks.parameters import parse_parameters


def shipped() -> dict[str, Any]:
    parameters: dict[str, Any] = {}
    for file in (ROOT / "conf" / "base").glob("parameters*.yml"):
        parameters |= yaml.safe_load(file.read_text())
    return parameters


def test_the_shipped_parameters_are_accepted() -> None:
    assert parse_parameters(shipped()).seed == 0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"sed": 1}, "sed: unknown key"),
        ({"seed": -1}, "seed: .*greater than or equal to 0"),
        ({"seed": "one"}, "seed: .*valid integer.*given: 'one'"),
        ({"consent": "maybe"}, "consent: .*'granted', 'synthetic' or 'absent'"),
        ({"variants": {"vace": {"promt": "enhanced"}}}, r"variants\.vace\.promt: unknown key"),
        (
            {"variants": {"vace": {"prompt": "better"}}},
            r"variants\.vace\.prompt: .*'original' or 'enhanced'",
        ),
        (
            {"variants": {"vace": {"generator": "vce"}}},
            r"variants\.vace\.generator: no model 'vce'",
        ),
        ({"variants": {"new": {}}}, r"variants\.new\.generator: this key is required"),
        ({"variants": {"two words": {"generator": "mini_vace"}}}, r"variants\.two words"),
        (
            {"variants": {"vace": {"guidance": {"text_weight": -1}}}},
            r"variants\.vace\.guidance\.text_weight: .*given: -1",
        ),
        (
            {"variants": {"vace": {"guidance": {"text_schedule": {"start": 0.9, "stop": 0.1}}}}},
            r"text_schedule: .*start 0\.9 must lie before stop 0\.1",
        ),
        ({"models": {"mini_vace": {"sorce": "x"}}}, r"models\.mini_vace\.sorce: unknown key"),
        ({"models": {"new": {"type": "a.B"}}}, r"models\.new\.licence: this key is required"),
        ({"scoring": {"scorers": []}}, r"scoring\.scorers: .*at least 1"),
        ({"scoring": {"scorers": ["nobody"]}}, r"scoring\.scorers\[0\]: no model 'nobody'"),
        ({"scoring": {"overall": {"gme_score": -0.3}}}, r"scoring\.overall\.gme_score"),
        ({"moe": {"experts": ["vace", "nobody"]}}, r"moe\.experts: no variant 'nobody'"),
        (
            {"prompt_enhancement": {"reader": "nobody"}},
            r"prompt_enhancement\.reader: no model 'nobody'",
        ),
        ({"execution": {"max_failures": "many"}}, r"execution\.max_failures"),
    ],
)
def test_a_wrong_parameter_is_named(change: dict[str, Any], message: str) -> None:
    with pytest.raises(RunStopped, match=message) as stopped:
        parse_parameters(merged(shipped(), change))
    assert "correct conf/" in str(stopped.value)


def test_all_problems_are_told_at_once() -> None:
    wrong = merged(shipped(), {"seed": "x", "consent": "y", "mo": 1})
    with pytest.raises(RunStopped) as stopped:
        parse_parameters(wrong)
    assert all(key in str(stopped.value) for key in ("seed", "consent", "mo: unknown key"))
