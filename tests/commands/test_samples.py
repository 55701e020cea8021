"""``kedro samples``: what it makes of photos and prompts, what it refuses, and that runs read it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from PIL import Image

from project import Project
from tpige_kedro.commands.photos import person_id
from tpige_kedro.commands.samples import samples
from tpige_kedro.datasets import ReferenceFolder, SampleFolder

PROMPTS = "A chef cooks.\n\nA king waves.\n"


def photo(file: Path, level: int = 90, **options: Any) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (40, 30), (level, 10, 200)).save(file, **options)
    return file


def photos(root: Path, *names: str) -> Path:
    """A folder of photos that all differ."""
    folder = root / "photos"
    folder.mkdir()
    for i, name in enumerate(names):
        photo(folder / name, 10 * i)
    return folder


def make(root: Path, *more: str, prompts: str = PROMPTS, to: str = "set") -> Result:
    (root / "prompts.txt").write_text(prompts, encoding="utf-8")
    options = [
        "--photos",
        str(root / "photos"),
        "--prompts",
        str(root / "prompts.txt"),
        "--to",
        str(root / to),
    ]
    return CliRunner().invoke(samples, [*options, *more])


def files(folder: Path) -> list[str]:
    return sorted(str(f.relative_to(folder)) for f in folder.rglob("*") if f.is_file())


def test_photos_and_folders_of_photos_become_people(tmp_path: Path) -> None:
    found = photos(tmp_path, "Ada.JPG", "bob/2.png", "bob/10.png", "Zoë Müller.png")
    (found / "notes.txt").write_text("not a photo")
    (found / ".DS_Store").write_bytes(b"\0")
    made = make(tmp_path, "--consent", "granted")
    assert made.exit_code == 0, made.output
    assert (
        "not taken from" in made.output
        and "notes.txt" in made.output
        and ".DS_Store" not in made.output
    )
    assert "6 samples (3 × 2 prompts)" in made.output and "bob: bob/ (2 pictures)" in made.output
    table = SampleFolder(path=str(tmp_path / "set")).load()
    assert list(table["sample_id"]) == [
        f"{p}_{n}" for p in ("Ada", "bob", "Zoe_Muller") for n in (1, 2)
    ]
    assert set(table["consent"]) == {"granted"} and not table["problem"].any()
    references = ReferenceFolder(path=str(tmp_path / "set")).load()
    names = [references.all_named(name) for name in dict.fromkeys(table["reference"])]
    assert names == [["Ada.JPG"], ["bob/2.png", "bob/10.png"], ["Zoë Müller.png"]]
    copied = tmp_path / "set/references/Ada.JPG"
    assert copied.read_bytes() == (found / "Ada.JPG").read_bytes()


def test_consent_is_never_assumed(tmp_path: Path) -> None:
    photos(tmp_path, "ada.png")
    made = make(tmp_path)
    assert made.exit_code == 0 and "nothing about them is uploaded or generated" in made.output
    assert "absent" in (tmp_path / "set/people.csv").read_text()
    assert make(tmp_path, "--consent", "yes", to="other").exit_code == 2


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    photos(tmp_path, "ada.png")
    assert make(tmp_path).exit_code == 0
    before = {f: (tmp_path / "set" / f).read_bytes() for f in files(tmp_path / "set")}
    again = make(tmp_path, "--consent", "granted")
    assert again.exit_code == 1 and "nothing is overwritten" in again.output
    assert {f: (tmp_path / "set" / f).read_bytes() for f in files(tmp_path / "set")} == before
    (tmp_path / "file").write_text("mine")
    assert make(tmp_path, to="file").exit_code == 1
    inside = make(tmp_path, to="photos/set")
    assert inside.exit_code == 1 and "inside the folder of the photos" in inside.output
    (tmp_path / "empty").mkdir()
    assert make(tmp_path, to="empty").exit_code == 0


def test_photos_that_lie_in_references_stay_where_they_are(tmp_path: Path) -> None:
    photos(tmp_path, "ada.png").rename(tmp_path / "references")
    (tmp_path / "list.txt").write_text("A chef.\n")
    options = [
        "--photos",
        str(tmp_path / "references"),
        "--prompts",
        str(tmp_path / "list.txt"),
        "--to",
        str(tmp_path),
    ]
    made = CliRunner().invoke(samples, options)
    assert made.exit_code == 0, made.output
    assert files(tmp_path) == ["list.txt", "people.csv", "prompts.csv", "references/ada.png"]
    assert "has people.csv already" in CliRunner().invoke(samples, options).output


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["ada.png", "ADA.jpg"], "would be the same person"),
        (["ada.png", "ada/1.png"], "would be the same person"),
        (["Zoë.png", "zoe.jpg"], "would be the same person"),
        (["李明.png"], "李明.png: this name cannot become an id"),
        (["!!.png"], "this name cannot become an id"),
        (["con.png"], "this name cannot become an id"),
        ([f"{'a' * 120}.png"], "this name cannot become an id"),
        (["a\nb.png"], "a\\nb.png: its name has invisible characters"),
        (["ada/a\u202eb.png"], "has invisible characters"),
        ([f"ada/{i}.png" for i in range(17)], "folder of 17 pictures; keep at most 16"),
        ([], "holds no pictures (PNG, JPEG"),
    ],
)  # fmt: skip
def test_names_that_cannot_be_people_are_refused(tmp_path: Path, names: list[str], message: str) -> None:  # fmt: skip
    photos(tmp_path, *names)
    made = make(tmp_path)
    assert made.exit_code == 1 and "nothing was written" in made.output and message in made.output
    assert not (tmp_path / "set").exists()


def test_all_that_is_wrong_is_said_at_once(tmp_path: Path) -> None:
    folder = photos(tmp_path, "ada.png")
    (folder / "broken.jpg").write_bytes(b"\xff\xd8\xff broken")
    (folder / "page.png").write_text("<html>")
    (folder / "twice.png").write_bytes((folder / "ada.png").read_bytes())
    prompts = "A chef.\nA king.\n A  chef. \nA \u202e king.\n" + "x" * 4001
    made = make(tmp_path, prompts=prompts)
    for said in (
        "broken.jpg", "page.png: its content is HTML", "twice.png is the same picture as",
        "line 3 is the same prompt as line 1", "line 4: it holds", "line 5: 4001 characters",
    ):  # fmt: skip
        assert said in made.output, made.output
    assert files(tmp_path) == sorted(["photos/" + n for n in ("ada.png", "broken.jpg", "page.png", "twice.png")] + ["prompts.txt"])  # fmt: skip


@pytest.mark.parametrize(
    ("text", "message"),
    [("", "p.csv is empty; write a header line prompt_id"), ("prompt\nA chef.\n", "has no column prompt_id"), ("prompt_id,prompt\na b,A chef.\n", "line 2: prompt_id 'a b' cannot name a file")],
)  # fmt: skip
def test_a_table_of_prompts_is_taken_or_refused(tmp_path: Path, text: str, message: str) -> None:
    photos(tmp_path, "ada.png")
    options = [
        "--photos",
        str(tmp_path / "photos"),
        "--prompts",
        str(tmp_path / "p.csv"),
        "--to",
        str(tmp_path / "set"),
    ]
    (tmp_path / "p.csv").write_text(text)
    assert message in CliRunner().invoke(samples, options).output
    (tmp_path / "p.csv").write_text("prompt_id,prompt\nchef,A chef.\n")
    assert CliRunner().invoke(samples, options).exit_code == 0
    assert list(SampleFolder(path=str(tmp_path / "set")).load()["sample_id"]) == ["ada_chef"]


@pytest.mark.parametrize("option", ["--photos", "--prompts"])
def test_what_is_not_there_is_named(tmp_path: Path, option: str) -> None:
    photos(tmp_path, "ada.png")
    made = make(tmp_path, option, str(tmp_path / "nowhere"))
    assert made.exit_code == 1 and option in made.output and "nowhere" in made.output


def test_ids_are_made_of_names_without_losing_letters() -> None:
    names = ("Ada Lovelace", "IMG_2041 (1)", "josé", "Łukasz", "__x__", "a-b.c", "½")
    assert [person_id(n) for n in names] == [
        "Ada_Lovelace",
        "IMG_2041_1",
        "jose",
        "",
        "x",
        "a-b.c",
        "1_2",
    ]


def test_a_run_takes_the_folder(project: Project, tmp_path: Path) -> None:
    photos(tmp_path, "ada.png", "bob/1.png", "bob/2.png")
    assert make(tmp_path, "--consent", "synthetic").exit_code == 0
    project.run("prompt_enhancement", samples_root=str(tmp_path / "set"))
    checked = project.table("02_intermediate/checked_samples.parquet")
    assert list(checked["sample_id"]) == ["ada_1", "ada_2", "bob_1", "bob_2"]
    assert list(checked["further_references"]) == ["", "", '["bob/2.png"]', '["bob/2.png"]']
