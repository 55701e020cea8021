from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tpige_kedro.mini.demo import COLUMNS, draw_demo
from tpige_kedro.mini.world import vocabulary as words
from tpige_kedro.models import project_root
from tpige_kedro.prompts.subject import find_subject

SHIPPED = project_root() / "data" / "01_raw" / "demo"


def rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "samples.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def role_of(row: dict[str, str]) -> int:
    (role,) = (
        number
        for number, name in enumerate(words.ROLE_NAMES)
        if f"of a {name} " in row["prompt"] or f"of an {name} " in row["prompt"]
    )
    return role


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("demo")
    assert draw_demo(folder) == folder / "samples.csv"
    return folder


def test_the_shipped_demo_is_what_the_code_draws(drawn: Path) -> None:
    assert rows(drawn) == rows(SHIPPED) and len(rows(SHIPPED)) == 8
    for row in rows(SHIPPED):
        ours, theirs = (
            np.asarray(Image.open(folder / "references" / row["reference"]))
            for folder in (drawn, SHIPPED)
        )
        assert ours.shape == (80, 80, 3) and np.array_equal(ours, theirs), row["sample_id"]


def test_half_of_the_roles_hide_the_face_and_people_are_eight() -> None:
    demo = rows(SHIPPED)
    assert sum(role_of(row) >= words.FIRST_HIDING_ROLE for row in demo) == len(demo) / 2
    assert len({row["person_id"] for row in demo}) == len({row["prompt"] for row in demo}) == 8
    assert len({role_of(row) for row in demo}) == 8 and words.PLAIN not in map(role_of, demo)


def test_samples_are_in_the_form_of_a_users_own() -> None:
    for row in rows(SHIPPED):
        assert tuple(row) == COLUMNS and row["consent"] == "synthetic"
        assert find_subject(row["prompt"]) is not None
        assert not any(colour in row["prompt"] for colour in ("hair", "eyes", "skinned"))


def test_nothing_about_the_people_ships_beside_their_pictures() -> None:
    files = {str(f.relative_to(SHIPPED)) for f in SHIPPED.rglob("*") if f.is_file()}
    assert files == {"samples.csv", *(f"references/{row['reference']}" for row in rows(SHIPPED))}
    for row in rows(SHIPPED):
        assert Image.open(SHIPPED / "references" / row["reference"]).info == {}


def test_a_larger_set_has_ids_of_its_own_and_another_seed_other_people(tmp_path: Path) -> None:
    draw_demo(tmp_path / "many", people=30)
    draw_demo(tmp_path / "other", people=2, seed=14)
    many = rows(tmp_path / "many")
    assert len({row["sample_id"] for row in many}) == 30
    assert {role_of(row) for row in many} == set(range(1, len(words.ROLE_NAMES)))
    pictures = [
        np.asarray(Image.open(tmp_path / name / "references" / "person01.png"))
        for name in ("many", "other")
    ]
    assert not np.array_equal(*pictures)
