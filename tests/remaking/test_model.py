"""How the model at hand differs from the one of a recipe: every part, in both directions, with what to do."""

from __future__ import annotations

from typing import Any

import pytest

from tpige_kedro.provenance.recipe import RecipeModel
from tpige_kedro.remaking.model import differences

COMMIT = "0123456789abcdef0123456789abcdef01234567"
SAME: dict[str, Any] = {
    "name": "wan",
    "type": "a.Wan",
    "version": 2,
    "source": "owner/wan",
    "revision": "a" * 40,
    "options": {"steps": 20},
    "parts": {"base": {"source": "owner/base", "revision": "b" * 40}},
    "runs": {},
}


def said(theirs: dict[str, Any], ours: dict[str, Any]) -> list[str]:
    models = (RecipeModel.model_validate(SAME | changes) for changes in (theirs, ours))
    return list(differences(*models, COMMIT))


def test_the_same_model_differs_in_nothing() -> None:
    assert said({}, {}) == []


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"version": 1}, "check out commit 0123456789ab"),
        ({"version": 3}, "check out commit 0123456789ab"),
        ({"source": "owner/other"}, "set source and revision to the former"),
        ({"revision": "c" * 40}, "set source and revision to the former"),
        ({"revision": None}, "set source and revision to the former"),
        ({"options": {"steps": 21}}, "models.wan.options.steps: "),
        ({"options": {}}, "models.wan.options.steps: "),
        ({"options": {"steps": 20, "fps": 8}}, "models.wan.options.fps: "),
        ({"parts": {"base": {"source": "owner/base", "revision": "d" * 40}}}, "options.base: "),
        ({"parts": {}}, "models.wan.options.base: "),
    ],
)
@pytest.mark.parametrize("turned", [False, True])
def test_each_difference_is_named_once(changes: dict[str, Any], words: str, turned: bool) -> None:
    (line,) = said({}, changes) if turned else said(changes, {})
    assert words in line
