from __future__ import annotations

import pytest

from tpige_kedro.datasets.leftovers import is_leftover


@pytest.mark.parametrize(
    "name",
    [
        "._ada.png", "._ada_1.mp4", ".DS_Store", ".hidden.jpg", ".Trashes", ".fuse_hidden0001", ".ada.png.swp",
        "Thumbs.db", "ehthumbs.db", "Desktop.ini", "Icon\r", "__MACOSX", "@eaDir", "$RECYCLE.BIN", "~$samples.csv",
        "ada.png:Zone.Identifier", "ada.png.part", "ada.png.crdownload",
    ],
)  # fmt: skip
def test_what_systems_leave_is_no_input(name: str) -> None:
    assert is_leftover(name) and is_leftover(f"a/folder/{name}")


@pytest.mark.parametrize(
    "name", ["ada.png", "_ada.png", "a.b.png", "ada", "icon.png", "thumbs.png", "~ada.png"]
)
def test_what_users_make_is(name: str) -> None:
    assert not is_leftover(name) and not is_leftover(f".hidden/{name}")
