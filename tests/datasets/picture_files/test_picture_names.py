"""A picture is found by the name its user sees, and called missing only if nothing like it is there."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from tpige_kedro.datasets import PictureFolder, ReferenceFolder, SampleFolder
from tpige_kedro.datasets.picture_files.formats import PictureProblem
from tpige_kedro.datasets.picture_files.names import matches, named
from tpige_kedro.pipelines.prompt_enhancement.samples import check_samples


def fold(form: str, text: str) -> str:
    return unicodedata.normalize(form, text)


SAME = [
    ("ada.png", "ada.PNG"),
    ("Ada.PNG", "ada.png"),
    (fold("NFC", "Zoë Müller.png"), fold("NFD", "Zoë Müller.png")),
    (fold("NFD", "zoë.png"), fold("NFC", "ZOË.PNG")),
    (fold("NFC", "각.jpg"), fold("NFD", "각.jpg")),
    (" ada.png ", "ada.png"),
    ("ada.png", "ada.png "),
    ("references/ada.png", "ada.png"),
    ("references\\ada.png", "ada.png"),
    (".\\References\\ada.png", "ada.png"),
    ("./ada.png", "ada.png"),
    ("ada", "ada.jfif"),
    ("Ada", "ada.HEIC"),
    ("ada.png", "ada.png.jpg"),
    ("ada.v2", "ada.v2.webp"),
    ("ada", "ada"),
    ("STRASSE.png", "straße.png"),
]


@pytest.mark.parametrize(("written", "file"), SAME)
def test_a_name_is_compared_as_its_user_sees_it(written: str, file: str) -> None:
    assert named(written, ["bob.png", file, "notes.txt"]) == file


@given(
    st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=8),
    st.sampled_from(["NFC", "NFD"]),
    st.sampled_from(["NFC", "NFD"]),
)
def test_no_unicode_form_hides_a_file(stem: str, written: str, stored: str) -> None:
    file = fold(stored, f"{stem}.png")
    assert named(fold(written, f"{stem}.png"), [file, "another one.png"]) == file
    assert named(fold(written, stem), [file, "another one.png"]) == file


CLOSE = [
    ("ada.png", ["ada.heic"], "references/ada.heic is there"),
    ("ada.jpg", ["ada.jpeg", "bob.jpg"], "references/ada.jpeg is there"),
    ("zoe.png", ["zoë.png"], "references/zoë.png is there"),
    ("ａｄａ.png", ["ada.png"], "references/ada.png is there"),
    ("ada_1.png", ["ada-1.png", "ada 1.jpg"], "references/ada 1.jpg, references/ada-1.png are there"),
    ("people/ada.png", ["ada.png"], "is a path; references/ada.png is there: write 'ada.png'"),
    ("C:\\Users\\me\\Ada.PNG", ["ada.png"], "is a path; references/ada.png is there"),
    ("../ada.png", ["bob.png"], "is a path; put the picture into the folder references"),
    ("ada.png", ["bob.png"], "is not in the folder references; put it there or correct its name"),
    ("🙂.png", ["🙁.png"], "is not in the folder references; put it there"),
]  # fmt: skip


@pytest.mark.parametrize(("written", "files", "words"), CLOSE)
def test_what_may_have_been_meant_is_named(written: str, files: list[str], words: str) -> None:
    with pytest.raises(PictureProblem) as caught:
        named(written, files)
    assert repr(written) in str(caught.value) and words in str(caught.value)


@pytest.mark.parametrize(
    ("written", "files"),
    [
        ("ada", ["ada.png", "ada.jpg"]),
        ("ada.PNG", ["ada.png", "Ada.png"]),
        (fold("NFC", "ZOË.png"), [fold("NFC", "zoë.png"), fold("NFD", "zoë.png")]),
    ],
)
def test_two_candidates_are_an_error_that_names_both(written: str, files: list[str]) -> None:
    with pytest.raises(PictureProblem, match="keep one of them") as caught:
        named(written, files)
    assert all(f"references/{file}" in str(caught.value) for file in files)


def test_the_very_name_comes_first() -> None:
    assert named("ada.png", ["ada.png", "Ada.png", "ada.jpg"]) == "ada.png"
    assert matches("ada", ["ada.png", "ada.psd"]) == ["ada.png"], "pictures before others"


# --- in folders -----------------------------------------------------------------------------------------------------------------


def picture(file: Path, colour: tuple[int, int, int] = (1, 2, 3), kind: str = "PNG") -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (32, 32), colour).save(file, kind)


def leave_litter(folder: Path, *names: str) -> None:
    """What macOS, Windows and browsers leave beside files of these names."""
    for name in names:
        (folder / f"._{name}").write_bytes(b"\0\x05\x16\x07\0\x02\0\0Mac OS X        " + b"\0" * 60)
        (folder / f"{name}.part").write_bytes(b"\x89PNG")
        (folder / f"{name}:Zone.Identifier").write_text("[ZoneTransfer]")
    for name in (".DS_Store", "Thumbs.db", "desktop.ini"):
        (folder / name).write_bytes(b"\0\0\0\1Bud1")


def table(*references: str) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "sample_id": [f"s{i}" for i in range(len(references))],
            "person_id": [f"p{i}" for i in range(len(references))],
            "prompt": "A chef waves.",
            "reference": references,
            "consent": "synthetic",
        }
    )


def test_samples_get_the_name_of_their_file(tmp_path: Path) -> None:
    stored = fold("NFD", "zoë.JPG")
    picture(tmp_path / stored, kind="JPEG")
    picture(tmp_path / "ada.avif", kind="AVIF")
    picture(tmp_path / "eve", kind="PNG")
    picture(tmp_path / "odd.psd", kind="PNG")
    leave_litter(tmp_path, "ada.avif", "bob.png")
    references = PictureFolder(path=str(tmp_path)).load()
    assert list(references) == ["ada.avif", stored], "only what is named as a picture is shown"
    written = [fold("NFC", "zoë.jpg"), "references\\Ada.avif", "eve", "odd.psd"]
    checked, issues = check_samples(table(*written), references, None)
    assert issues.empty and checked["reference"].tolist() == [stored, "ada.avif", "eve", "odd.psd"]


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("bob.png", "is not in the folder references; put it there"),
        ("._ada.png", "AppleDouble"),
        ("folder.png", "is a folder without pictures"),
        ("empty.png", "an empty file"),
        ("gone.png", "a link to"),
        ("notes.txt", "first bytes are unknown"),
        ("photo.psd", "Photoshop"),
    ],
)
def test_what_is_there_is_not_called_missing(tmp_path: Path, written: str, words: str) -> None:
    picture(tmp_path / "ada.png")
    leave_litter(tmp_path, "ada.png", "bob.png")
    (tmp_path / "folder.png").mkdir()
    (tmp_path / "empty.png").write_bytes(b"")
    (tmp_path / "gone.png").symlink_to(tmp_path / "nowhere.png")
    (tmp_path / "notes.txt").write_text("none")
    (tmp_path / "photo.psd").write_bytes(b"8BPS\0\1")
    references = PictureFolder(path=str(tmp_path)).load()
    _, issues = check_samples(table("ada.png", written), references, None)
    assert words in issues["problem"].item()


def authors(root: Path, *pictures: str) -> Path:
    (root / "prompts").mkdir(parents=True)
    for name in pictures:
        picture(root / "ID_image" / name, kind="JPEG")
    for stem in ("ada_1", "bob_1"):
        (root / "prompts" / f"{stem}.txt").write_text("A chef waves.")
    return root


def problems(root: Path) -> dict[str, str]:
    listed = SampleFolder(path=str(root)).load()
    return dict(zip(listed["sample_id"], listed["problem"], strict=True))


def test_leftovers_are_no_samples_and_no_portraits(tmp_path: Path) -> None:
    root = authors(tmp_path, "ada.png", "bob.JFIF")
    leave_litter(root / "prompts", "ada_1.txt", "bob_1.txt")
    leave_litter(root / "ID_image", "ada.png", "bob.JFIF", "eve.png")
    assert problems(root) == {"ada_1": "", "bob_1": ""}
    references = ReferenceFolder(path=str(root)).load()
    assert list(references) == ["ada.png", "bob.JFIF"] and references["bob.JFIF"]().size == (32, 32)


def test_portraits_that_are_not_one(tmp_path: Path) -> None:
    root = authors(tmp_path, "ada.png", "ada.jpg", "Bobby.png")
    found = problems(root)
    assert "ID_image/ada.jpg and ID_image/ada.png; keep one" in found["ada_1"]
    assert "bob.png is missing" in found["bob_1"] and "is there" not in found["bob_1"]
    (root / "ID_image" / "ada.png").unlink()
    (root / "ID_image" / "Bobby.png").rename(root / "ID_image" / "bob.psd")
    assert problems(root) == {"ada_1": "", "bob_1": ""}
    assert "Photoshop" not in ReferenceFolder(path=str(root)).load().check("bob.psd").problem


@pytest.mark.parametrize(
    ("files", "words"),
    [
        (["image.PNG"], ""),
        (["Image.jfif", "._image.png", "Thumbs.db"], ""),
        (["image.png", "image.jpg"], "keep one of them"),
        (["portrait.jpg"], "portrait.jpg is there: rename it"),
        (["._image.png"], "has no image.png; put the portrait there"),
    ],
)
def test_the_portrait_of_a_challenge_folder(tmp_path: Path, files: list[str], words: str) -> None:
    for name in files:
        picture(tmp_path / "id001" / name, (9, 9, 9), "JPEG")
    for k in range(1, 6):
        (tmp_path / "id001" / f"prompt{k}.txt").write_text("A chef waves.")
    found = set(problems(tmp_path).values())
    assert len(found) == 1 and words in found.pop()
    references = ReferenceFolder(path=str(tmp_path)).load()
    assert len(references) == (not words)
