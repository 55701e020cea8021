"""Several pictures of one person: which ones a name means, in which order, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from tpige_kedro.datasets import PictureFolder
from tpige_kedro.datasets.picture_files.person_folders import MOST, in_order
from tpige_kedro.datasets.pictures import PictureError, Pictures, checked_picture


def pictures(root: Path, *names: str) -> Pictures:
    """A folder of references with these pictures, each of its own colour."""
    for i, name in enumerate(names):
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (20, 20), (20 * i, 90, 30)).save(file)
    return PictureFolder(path=str(root)).load()


@pytest.mark.parametrize(
    "name", ["ada", "ada/", "Ada", "references/ada", "references\\ADA\\", "./ada/", " ada "]
)
def test_a_folder_means_all_its_pictures_in_the_order_of_their_numbers(tmp_path: Path, name: str) -> None:  # fmt: skip
    found = pictures(tmp_path, "ada/10.jpg", "ada/2.png", "ada/._2.png", "ada/old/1.png", "bob.png")
    (tmp_path / "ada" / "notes.txt").write_text("not a picture")
    assert found.all_named(name) == ["ada/2.png", "ada/10.jpg"]
    assert found.all_named("bob") == ["bob.png"]
    assert list(found) == ["bob.png"]  # what a person's folder holds is no picture of the list


def test_pictures_of_a_folder_are_opened_and_checked_like_others(tmp_path: Path) -> None:
    found = pictures(tmp_path, "ada/1.png", "ada/2.png")
    hashes = [found.check(name).hash for name in found.all_named("ada")]
    assert len({*hashes}) == 2
    assert "ada/2.png" in found and "ada/3.png" not in found
    assert checked_picture(found, "ada/2.png", hashes[1]).getpixel((0, 0)) == (20, 90, 30)
    part = found.part(["ada/2.png"])
    assert checked_picture(part, "ada/2.png", hashes[1]).getpixel((0, 0)) == (20, 90, 30)
    for outside in ("../x.png", "ada/../ada/1.png", "ada/.", "ada/", "/1.png"):
        assert outside not in found


@pytest.mark.parametrize(
    ("names", "wanted", "message"),
    [
        (["ada.png", "ada/1.png"], "ada", r"may be references/ada\.png or the folder references/ada; write 'ada\.png' or 'ada/'"),
        (["ada/x/1.png"], "ada", r"folder without pictures"),
        (["bob.png"], "ada/", r"'ada/' is not a folder in references; make it"),
        (["ada/1.png"], "x/ada/", r"is not a folder in references"),
        ([f"ada/{i}.png" for i in range(MOST + 1)], "ada", rf"of {MOST + 1} pictures; keep at most {MOST}"),
        (["ada/1.png", "ADA/1.png"], "aDa/", r"could be references/ADA/ and references/ada/"),
        (["bob.png"], "ada", r"'ada' is not in the folder references"),
    ],
)  # fmt: skip
def test_what_is_unclear_is_refused(tmp_path: Path, names: list[str], wanted: str, message: str) -> None:  # fmt: skip
    with pytest.raises(PictureError, match=message):
        pictures(tmp_path, *names).all_named(wanted)


def test_a_slash_or_a_suffix_tells_folder_and_picture_apart(tmp_path: Path) -> None:
    found = pictures(tmp_path, "ada.png", "ada/1.png", "ada/2.png")
    assert found.all_named("ada/") == ["ada/1.png", "ada/2.png"]
    assert found.all_named("ada.png") == ["ada.png"]
    assert found.all_named("ada/2.png") == ["ada/2.png"]


@given(st.lists(st.text("a1 2ä²_.", min_size=1, max_size=6), unique=True))
def test_the_order_depends_on_names_alone(names: list[str]) -> None:
    assert in_order(names) == in_order(sorted(names)) and sorted(in_order(names)) == sorted(names)
