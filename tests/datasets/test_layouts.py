from __future__ import annotations

import os
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from kedro.io import DatasetError
from PIL import Image

from project import ROOT
from tpige_kedro.datasets import ReferenceFolder, SampleFolder
from tpige_kedro.datasets.challenge_subset import PEOPLE, as_csv, subset
from tpige_kedro.execution.pictures import picture_hash


def picture(file: Path, colour: tuple[int, int, int] = (1, 2, 3)) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (32, 32), colour).save(file)


def challenge(root: Path, *people: str, prompts: int = 5) -> Path:
    for person in people:
        picture(root / person / "image.png", (int(person[2:]), 0, 0))
        for k in range(1, prompts + 1):
            (root / person / f"prompt{k}.txt").write_text(f"{person} does\n thing {k}. \n")
    return root


def samples(root: Path, **options: object) -> pd.DataFrame:
    return SampleFolder(path=str(root), **options).load().set_index("sample_id")  # type: ignore[arg-type]


def test_the_challenge_folder(tmp_path: Path) -> None:
    table = samples(challenge(tmp_path, "id001", "id002", "id010"))
    assert list(table.index[:6]) == [
        "id001_1",
        "id001_2",
        "id001_3",
        "id001_4",
        "id001_5",
        "id002_1",
    ]
    good = table[table["problem"] == ""]
    assert len(good) == 15 and good.loc["id010_3", "prompt"] == "id010 does thing 3."
    assert good.loc["id002_4", ["person_id", "reference"]].tolist() == ["id002", "id002.png"]
    pictures = ReferenceFolder(path=str(tmp_path)).load()
    assert pictures["id010.png"]().getpixel((0, 0)) == (10, 0, 0)


def test_what_the_challenge_folder_lacks_is_told_and_the_rest_goes_on(tmp_path: Path) -> None:
    challenge(tmp_path, "id001", "id002", "id004")
    (tmp_path / "id001" / "prompt3.txt").unlink()
    (tmp_path / "id002" / "image.png").unlink()
    (tmp_path / "id004" / "prompt5.txt").write_bytes(b"\xff\xfe\xff")
    table = samples(tmp_path)
    problems = table.loc[table["problem"] != "", "problem"]
    assert sorted(problems.index) == [
        "id001_3", "id002_1", "id002_2", "id002_3", "id002_4", "id002_5", "id004_5",
    ]  # fmt: skip
    assert "prompt3.txt is missing; write the prompt there" in problems["id001_3"]
    assert "has no image.png" in problems["id002_1"]
    assert "UTF-8" in problems["id004_5"]


def test_gaps_in_the_numbers_are_one_line_and_no_failures(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "tpige_kedro")
    people = [
        "id1",
        "id02",
        "id4",
        "id00012",
        "id09272",
        "id20251128",
        "id20251129",
        "id" + "9" * 250,
    ]
    for person in people:
        picture(tmp_path / person / "image.png")
    (tmp_path / "id0").write_text("no folder")
    table = samples(tmp_path)
    assert list(dict.fromkeys(table["person_id"])) == people, "by number"
    assert len(table) == 5 * len(people)
    told = [r.getMessage() for r in caplog.records if "without a folder" in r.getMessage()]
    assert len(told) == 1 and (
        "1 between id02 and id4, 7 between id4 and id00012, 9,259 between id00012 and id09272 and 2 more gaps"
        in told[0]
    )


def test_a_set_without_gaps_and_a_list_say_nothing_of_gaps(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "tpige_kedro")
    samples(challenge(tmp_path / "whole", "id001", "id002"))
    (tmp_path / "list.csv").write_text("sample_id\n id009_1 \n")
    far = samples(challenge(tmp_path / "far", "id001", "id009"), only=str(tmp_path / "list.csv"))
    assert list(far.index) == ["id009_1"] and far["problem"].tolist() == [""]
    assert not caplog.records


@pytest.mark.parametrize(
    "name", ["id１", "ID001", "id001 ", "id001\n", "id", "idx1", "xid1", "id-1"]
)
def test_a_folder_of_another_name_is_no_person(tmp_path: Path, name: str) -> None:
    challenge(tmp_path, "id001")
    picture(tmp_path / name / "image.png")
    assert set(samples(tmp_path)["person_id"]) == {"id001"}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_prompts_in_any_marked_encoding(tmp_path: Path, encoding: str) -> None:
    challenge(tmp_path, "id001")
    (tmp_path / "id001" / "prompt2.txt").write_bytes("Ein Läufer\r\nwinkt.\n".encode(encoding))
    assert samples(tmp_path).loc["id001_2", "prompt"] == "Ein Läufer winkt."


@pytest.mark.parametrize("kind", ["latin-1", "a folder", "a pipe", "too large"])
def test_a_prompt_that_cannot_be_read_is_a_problem_of_its_sample(tmp_path: Path, kind: str) -> None:
    file = challenge(tmp_path, "id001") / "id001" / "prompt2.txt"
    file.unlink()
    if kind == "a folder":
        file.mkdir()
    elif kind == "a pipe":
        os.mkfifo(file)
    else:
        file.write_bytes("Läufer".encode("latin-1") if kind == "latin-1" else b"x" * 10**6)
    table = samples(tmp_path)
    assert str(file) in table.loc["id001_2", "problem"]
    assert table["problem"].ne("").sum() == 1


def test_control_characters_of_a_prompt_stay_for_the_check_to_name(tmp_path: Path) -> None:
    challenge(tmp_path, "id001")
    (tmp_path / "id001" / "prompt2.txt").write_text("A chef\x85cooks.\n")
    assert samples(tmp_path).loc["id001_2", "prompt"] == "A chef\x85cooks."


def test_a_list_that_is_not_there_is_named_as_such(tmp_path: Path) -> None:
    root = challenge(tmp_path / "data", "id001")
    with pytest.raises(DatasetError, match=r"sample_list: .*none\.csv: no such file"):
        samples(root, only=str(tmp_path / "none.csv"))
    (tmp_path / "list.csv").write_text("SampleID\nid001_1\n")
    with pytest.raises(DatasetError, match="'SampleID' looks like sample_id"):
        samples(root, only=str(tmp_path / "list.csv"))


@pytest.mark.parametrize("clips", [".", "videos"])
def test_the_folder_of_the_authors_evaluation(tmp_path: Path, clips: str) -> None:
    (tmp_path / "prompts").mkdir()
    (tmp_path / clips).mkdir(exist_ok=True)
    for stem in ("id001_3", "id002_1_take2", "id003_1"):
        (tmp_path / clips / f"{stem}.mp4").write_bytes(b"")
    for stem in ("id001_3", "id002_1_take2"):
        (tmp_path / "prompts" / f"{stem}.txt").write_text(f" The prompt of {stem}.\n")
    picture(tmp_path / "ID_image" / "id001.png")
    picture(tmp_path / "ID_image" / "id003.png")
    table = samples(tmp_path)
    assert table.loc["id001_3", ["person_id", "prompt", "reference", "problem"]].tolist() == [
        "id001", "The prompt of id001_3.", "id001.png", "",
    ]  # fmt: skip
    assert table.loc["id002_1_take2", "person_id"] == "id002", "up to the first underscore"
    assert "id002.png is missing" in table.loc["id002_1_take2", "problem"]
    assert "id003_1.txt is missing" in table.loc["id003_1", "problem"]
    assert sorted(ReferenceFolder(path=str(tmp_path)).load()) == ["id001.png", "id003.png"]


@pytest.mark.parametrize("layout", ["challenge", "authors", "table"])
def test_pictures_are_known_in_every_layout(tmp_path: Path, layout: str) -> None:
    root, known = tmp_path / "samples", tmp_path / "data" / "known.json"
    if layout == "challenge":
        challenge(root, "id001")
    elif layout == "authors":
        picture(root / "ID_image" / "id001.png", (1, 0, 0))
    else:
        picture(root / "references" / "id001.png", (1, 0, 0))
        (root / "samples.csv").write_text("sample_id\n")
    folder = ReferenceFolder(path=str(root), known=str(known))
    pictures = folder.load()
    found = pictures.check("id001.png")
    assert found.hash == picture_hash(pictures["id001.png"]()) and not found.problem
    pictures.remember()
    assert "id001" in known.read_text() or "image.png" in known.read_text()
    assert folder.load().check("id001.png") == found


def test_a_table_comes_first(tmp_path: Path) -> None:
    challenge(tmp_path, "id001")
    (tmp_path / "samples.csv").write_text(
        "sample_id,person_id,prompt,reference\n007,p,A man.,a.png\n"
    )
    assert list(samples(tmp_path).index) == ["007"]


def test_a_list_picks_and_orders_and_tells_what_is_not_there(tmp_path: Path) -> None:
    root = challenge(tmp_path / "data", "id001", "id002")
    listed = tmp_path / "list.csv"
    listed.write_text("sample_id\nid002_4\nid001_1\nid200_2\n")
    table = samples(root, only=str(listed))
    assert list(table.index) == ["id002_4", "id001_1", "id200_2"]
    assert table["problem"].iloc[:2].tolist() == ["", ""]
    assert table["problem"].iloc[2].startswith("listed in") and table["prompt"].iloc[2] == ""
    listed.write_text("id\nid002_4\n")
    with pytest.raises(DatasetError, match="no column sample_id"):
        samples(root, only=str(listed))


def test_the_published_list_is_what_the_rule_gives() -> None:
    published = (ROOT / "data" / "01_raw" / "challenge_50.csv").read_text()
    assert published == as_csv(subset())
    people = [sample.split("_")[0] for sample in subset()]
    assert len(people) == len(set(people)) == 50 and people == sorted(people)
    assert {sample.split("_")[1] for sample in subset()} == set("12345")
    # the rule once more, by hand
    import hashlib

    def number(text: str) -> int:
        return int.from_bytes(hashlib.sha256(b"tpige:" + text.encode()).digest())

    last = max(number(person) for person in people)
    assert sum(number(person) <= last for person in PEOPLE) == 50
    assert all(number(f"{p}:prompt") % 5 + 1 == int(k) for p, k in (s.split("_") for s in subset()))


@given(st.permutations(PEOPLE))
def test_the_rule_does_not_depend_on_the_order_of_the_people(people: list[str]) -> None:
    assert subset(people) == subset()


def test_what_is_not_read_is_one_line(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "tpige_kedro")
    challenge(tmp_path, "id001", prompts=7)
    for name in ("ID002", "videos", ".git"):
        (tmp_path / name).mkdir()
    assert len(samples(tmp_path)) == 5
    assert [r.getMessage() for r in caplog.records] == [
        f"{tmp_path}: not read: ID002, videos, id001/prompt6.txt, id001/prompt7.txt"
    ]


def test_a_file_name_that_is_no_text_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "prompts").mkdir()
    picture(tmp_path / "ID_image" / "id1.png")
    (tmp_path / "prompts" / "id1_1.txt").write_text("A man.")
    Path(os.fsdecode(os.fsencode(tmp_path / "prompts") + b"/id1_\xff.txt")).write_text("A man.")
    assert list(samples(tmp_path).index) == ["id1_1", r"id1_\udcff"]


def test_missing_columns_are_named_with_those_that_are_there(tmp_path: Path) -> None:
    for head, found in (
        ("sample_id,caption,image", "sample_id, caption, image"),
        ("sample_id，person_id，prompt，reference", "sample_id，person_id，prompt，reference"),
        ("a\x1b[2Jb", r"a\\x1b\[2Jb"),
    ):
        (tmp_path / "samples.csv").write_text(f"{head}\nx,y,z\n")
        with pytest.raises(DatasetError, match=rf"has no column .*reference \(it has {found}\)"):
            samples(tmp_path)
