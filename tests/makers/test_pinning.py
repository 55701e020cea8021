"""The pins themselves: every maker has one, and a failure says what to do."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from makers.pinning import COMMAND, FILE, Pins, name_of, version_of
from tpige_kedro.declarations import declared_version, load_class
from tpige_kedro.models import project_root
from tpige_kedro.video_generators.imported import Imported
from tpige_kedro.video_generators.several_gpus import SeveralGpus

RESULT = {"case": {"exact": {"text": "a king"}, "close": [0.5, 100.0], "coarse": [0.5]}}


class Maker:
    """Makes nothing."""

    version = 3


def named_in_conf() -> list[str]:
    """The classes that any environment names under ``models``, and those that only users name."""
    files = sorted((project_root() / "conf").glob("*/parameters*.yml"))
    models = [(yaml.safe_load(file.read_text()) or {}).get("models") or {} for file in files]
    types = {entry["type"] for entries in models for entry in entries.values() if "type" in entry}
    assert len(types) > 15
    return sorted(types | {name_of(SeveralGpus), name_of(Imported)})


@pytest.mark.parametrize("path", named_in_conf())
def test_every_class_of_the_configuration_has_a_version_and_a_pin(path: str) -> None:
    assert path in json.loads(FILE.read_text()), f"{path} has no pin; write a test in tests/makers"
    assert declared_version(path) == version_of(load_class(path)), "in its own body"


def test_no_pin_is_left_of_a_maker_that_is_gone() -> None:
    makers = {path for path in json.loads(FILE.read_text()) if path.rpartition(".")[2][0].isupper()}
    assert makers == set(named_in_conf())


def written(tmp_path: Path, version: int = 3, **changes: Any) -> Pins:
    pins = Pins(tmp_path / "pins.json")
    pins.write({name_of(Maker): {"version": version, "result": {**RESULT, **changes}}})
    return pins


def test_the_same_result_passes_within_what_processors_differ(tmp_path: Path) -> None:
    written(tmp_path).check(Maker, RESULT)
    near = {"case": {"exact": {"text": "a king"}, "close": [0.50009, 100.015], "coarse": [0.50019]}}
    written(tmp_path).check(Maker, near)


@pytest.mark.parametrize(
    ("kind", "found"),
    [
        ("exact", {"text": "a queen"}),
        ("exact", {"words": "a king"}),
        ("close", [0.5002, 100.0]),
        ("close", [0.5, 100.03]),
        ("close", [0.5]),
        ("coarse", [0.5003]),
        ("coarse", [None]),
    ],
)
def test_another_result_of_the_same_version_asks_for_a_new_version(
    tmp_path: Path, kind: str, found: Any
) -> None:
    with pytest.raises(pytest.fail.Exception) as failure:
        written(tmp_path).check(Maker, {"case": {**RESULT["case"], kind: found}})
    message = str(failure.value)
    assert message.startswith(
        f"{name_of(Maker)}: the same input gives another result, but its version is still 3: raise `version` in the class "
        "(finished results are then made again), or undo the change; "
    )
    assert COMMAND in message and "case" in message.splitlines()[1]


def test_a_case_more_or_less_is_another_result(tmp_path: Path) -> None:
    with pytest.raises(pytest.fail.Exception, match="new: only in the result"):
        written(tmp_path).check(Maker, {**RESULT, "new": {"exact": 1}})
    with pytest.raises(pytest.fail.Exception, match="old: only in the pin"):
        written(tmp_path, old={"exact": 1}).check(Maker, RESULT)


def test_another_version_no_pin_and_other_weights_ask_for_new_pins(tmp_path: Path) -> None:
    with pytest.raises(
        pytest.fail.Exception, match=r"its version is 3, that of its pin 2; `pytest"
    ):
        written(tmp_path, version=2).check(Maker, RESULT)
    with pytest.raises(pytest.fail.Exception, match=r"it has no pin; `pytest tests/makers"):
        Pins(tmp_path / "none.json").check(Maker, RESULT)
    with pytest.raises(pytest.fail.Exception, match=r"shipped weights are other ones; `pytest"):
        written(tmp_path, weights={"exact": "abc"}).check(
            Maker, {"case": {"exact": "other"}, "weights": {"exact": "def"}}
        )


def test_new_pins_replace_those_of_their_maker_only(tmp_path: Path) -> None:
    pins = written(tmp_path)
    pins.write({**pins.read(), "other.Maker": {"version": 1, "result": {"a": {"exact": [1.0]}}}})
    Pins(pins.file, update=True).check(Maker, {"case": {"close": 1 / 3}})
    assert pins.read() == {
        name_of(Maker): {"version": 3, "result": {"case": {"close": 0.333333}}},
        "other.Maker": {"version": 1, "result": {"a": {"exact": [1.0]}}},
    }
