"""People and prompts in two lists: which samples they make, and what is said of wrong lines."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd
import pytest
from kedro.io import DatasetError

from tpige_kedro.datasets import ReferenceFolder, SampleFolder
from tpige_kedro.datasets.layouts import layout_of

PEOPLE = "person_id,reference,consent,prompts\nada,ada.jpg,granted,\nbob,bob/,synthetic,\n"
PROMPTS = "A chef cooks.\n\n  A welder,  welding. \r\n"


def folder(root: Path, **files: str) -> Path:
    """A folder with these files; ``people`` stands for people.csv."""
    names = {
        "people": "people.csv",
        "table": "prompts.csv",
        "text": "prompts.txt",
        "samples": "samples.csv",
    }
    for name, text in files.items():
        (root / names[name]).write_text(text, encoding="utf-8")
    return root


def samples(root: Path) -> pd.DataFrame:
    return SampleFolder(path=str(root)).load()


def problems(root: Path) -> dict[str, str]:
    table = samples(root)
    return {s: p for s, p in zip(table["sample_id"], table["problem"], strict=True) if p}


def test_every_person_is_a_sample_with_every_prompt(tmp_path: Path) -> None:
    root = folder(tmp_path, people=PEOPLE, text=PROMPTS)
    assert layout_of(root) == "people"
    table = samples(root)
    assert list(table["sample_id"]) == ["ada_1", "ada_2", "bob_1", "bob_2"]
    assert list(table["prompt"])[:2] == ["A chef cooks.", "A welder, welding."]
    assert list(table["reference"]) == ["ada.jpg", "ada.jpg", "bob/", "bob/"]
    assert list(table["consent"]) == ["granted", "granted", "synthetic", "synthetic"]
    assert not table["problem"].any()
    pd.testing.assert_frame_equal(table, samples(root))


def test_ids_of_a_table_stay_when_a_prompt_is_put_first(tmp_path: Path) -> None:
    root = folder(
        tmp_path, people="person_id\nada\n", table="prompt_id;prompt\nchef;A chef, cooking.\n"
    )
    (row,) = samples(root).to_dict("records")
    assert (row["sample_id"], row["reference"], row["consent"]) == ("ada_chef", "ada", "")
    folder(root, table="prompt_id;prompt\nking;A king.\nchef;A chef, cooking.\n")
    assert dict(samples(root)[["sample_id", "prompt"]].to_numpy())["ada_chef"] == "A chef, cooking."


@pytest.mark.parametrize("between", [" ", ",", ";", ", ", " | "])
def test_a_person_may_have_some_of_the_prompts(tmp_path: Path, between: str) -> None:
    people = f'person_id,prompts\nada,"2{between}1{between}2"\nbob,\n'
    root = folder(tmp_path, people=people, text="One.\nTwo.\nThree.\n")
    assert list(samples(root)["sample_id"]) == ["ada_1", "ada_2", "bob_1", "bob_2", "bob_3"]


@pytest.mark.parametrize(
    ("files", "found"),
    [
        ({"people": "person_id,prompts\nada,1 9\n", "text": "One.\n"},
         {"ada_9": r"people\.csv line 2: no prompt '9' \(there are 1\)"}),
        ({"people": "person_id\nada\n\nada\n", "text": "One.\n"},
         {"ada": r"people\.csv line 4: person ada is that of line 2"}),
        ({"people": "person_id,consent\n,granted\n", "text": "One.\n"},
         {"line2": r"people\.csv line 2: person_id is empty"}),
        ({"people": "person_id,consent\nada,granted,surplus\n", "text": "One.\n"},
         {"ada": r"people\.csv line 2: .*3 cells, the header line has 2"}),
        ({"people": "person_id\nada\n", "table": "prompt_id,prompt\na,One.\na,Two.\n,Three.\n"},
         {"ada_a": r"prompts\.csv line 3: prompt_id 'a' is that of line 2", "ada_line4": r"prompts\.csv line 4: prompt_id is empty"}),
        ({"people": "person_id\na\na_1\n", "table": "prompt_id,prompt\n1_2,One.\n2,Two.\n"},
         {"a_1_2": r"a_1_2 would also be a sample of a; give a_1 or the prompt another id"}),
    ],
)  # fmt: skip
def test_a_wrong_line_is_named_and_the_others_go_on(tmp_path: Path, files: dict[str, str], found: dict[str, str]) -> None:  # fmt: skip
    said = problems(folder(tmp_path, **files))
    assert said.keys() == found.keys()
    assert all(re.search(pattern, said[sample]) for sample, pattern in found.items()), said


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"people": PEOPLE}, r"people\.csv and no prompts; write prompts\.txt"),
        ({"people": PEOPLE, "text": "One.", "table": "prompt_id,prompt\n1,One.\n"}, r"prompts\.csv and prompts\.txt; keep one"),
        ({"people": PEOPLE, "samples": "sample_id,person_id,prompt,reference\n", "text": "x"}, r"samples\.csv and people\.csv; keep"),
        ({"text": "One."}, r"people\.csv: no such file; .*kedro samples"),
        ({"people": "name,consent\nada,granted\n", "text": "One."}, r"people\.csv has no column person_id \(it has consent, name\)"),
        ({"people": "person_id,Consent \nada,granted\n", "text": "One."}, r"looks like consent"),
        ({"people": "person_id\n", "text": "One."}, r"lists no person"),
        ({"people": PEOPLE, "text": " \n\n"}, r"prompts\.txt holds no prompt"),
        ({"people": PEOPLE, "table": "id,prompt\n1,One.\n"}, r"prompts\.csv has no column prompt_id"),
        ({"people": "", "text": "One."}, r"people\.csv is empty; write a header line person_id"),
        ({"people": "person_id\n" + "".join(f"p{i}\n" for i in range(1000)), "text": "Go.\n" * 501}, r"more than 500,000 samples"),
    ],
)  # fmt: skip
def test_files_that_make_no_list_stop_the_run(tmp_path: Path, files: dict[str, str], message: str) -> None:  # fmt: skip
    with pytest.raises(DatasetError, match=message):
        samples(folder(tmp_path, **files))


def test_text_of_other_encodings_is_read_or_refused_by_name(tmp_path: Path) -> None:
    root = folder(tmp_path, people="person_id\nada\n")
    (root / "prompts.txt").write_bytes("Zoë dances.\n".encode("utf-16"))
    assert list(samples(root)["prompt"]) == ["Zoë dances."]
    (root / "prompts.txt").write_bytes("Zoë dances.\n".encode("latin-1"))
    with pytest.raises(DatasetError, match=r"prompts\.txt cannot be read"):
        samples(root)


def test_references_are_those_of_the_folder(tmp_path: Path) -> None:
    from PIL import Image

    root = folder(tmp_path, people=PEOPLE, text=PROMPTS)
    assert not ReferenceFolder(path=str(root)).exists()
    (root / "references").mkdir()
    Image.new("RGB", (20, 20)).save(root / "references" / "ada.jpg")
    assert list(ReferenceFolder(path=str(root)).load()) == ["ada.jpg"]
