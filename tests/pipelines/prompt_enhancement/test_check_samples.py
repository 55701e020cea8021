from pathlib import Path

import pandas as pd
import pytest
from pandera.errors import SchemaError
from PIL import Image

from tpige_kedro.datasets import PictureFolder
from tpige_kedro.datasets.pictures import Pictures
from tpige_kedro.errors import TpigeError
from tpige_kedro.execution.pictures import picture_hash
from tpige_kedro.pipelines.evaluate.nodes import check_evaluated_samples
from tpige_kedro.pipelines.prompt_enhancement.samples import MAX_PROMPT_CHARACTERS, check_samples
from tpige_kedro.schemas.tables import CHECKED_SAMPLES, EVALUATED_SAMPLES, SAMPLE_ISSUES

GOOD = {
    "sample_id": "s1",
    "person_id": "p1",
    "prompt": "A chef cooks.",
    "reference": "p1.png",
    "consent": "granted",
}


@pytest.fixture
def references(tmp_path: Path) -> Pictures:
    Image.new("RGB", (32, 32), "red").save(tmp_path / "p1.png")
    Image.new("CMYK", (32, 48)).save(tmp_path / "cmyk.jpg")
    Image.new("RGBA", (32, 32), (0, 0, 0, 0)).save(tmp_path / "alpha.png")
    Image.new("RGB", (1, 1)).save(tmp_path / "tiny.png")
    whole = (tmp_path / "p1.png").read_bytes()
    (tmp_path / "corrupt.png").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "text.png").write_text("no picture")
    return PictureFolder(path=str(tmp_path)).load()


def table(*changes: dict[str, object]) -> pd.DataFrame:
    return pd.DataFrame(
        [{**GOOD, "sample_id": f"s{i}", **change} for i, change in enumerate(changes)]
    )


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"sample_id": "../escape"}, ["sample_id", "'../escape'", "cannot name a file"]),
        ({"sample_id": ".hidden"}, ["cannot name a file"]),
        ({"sample_id": "a b"}, ["cannot name a file"]),
        ({"sample_id": "x" * 101}, ["cannot name a file"]),
        ({"person_id": "p/1"}, ["person_id", "cannot name a file"]),
        ({"prompt": "  "}, ["prompt is empty"]),
        ({"prompt": None}, ["prompt is empty"]),
        ({"prompt": "x" * 10_000}, ["10000 characters", str(MAX_PROMPT_CHARACTERS)]),
        ({"prompt": "x" * 4001}, ["4001 characters"]),
        ({"prompt": "A chef\x00cooks."}, ["control characters"]),
        ({"prompt": "\u200b\u200b"}, ["prompt is empty"]),
        ({"prompt": "\u00a0\ufeff\u00ad\u0301"}, ["prompt is empty"]),
        ({"prompt": "A chef\x7f cooks.\x85Next"}, ["control characters", "U+007F"]),
        ({"prompt": "A \u202echef"}, ["control characters", "U+202E"]),
        ({"prompt": "A chef\U000e0041 cooks."}, ["hidden text", "U+E0041"]),
        ({"prompt": "A caf\ufffd waiter."}, ["letters that were lost", "UTF-8"]),
        ({"sample_id": "S0"}, ["'S0' and 's0'", "upper and lower case"]),
        ({"person_id": "P1"}, ["'P1' and 'p1'", "upper and lower case"]),
        ({"sample_id": "nul"}, ["device on Windows"]),
        ({"person_id": "ada."}, ["ends with a dot"]),
        ({"reference": "nobody.png"}, ["nobody.png", "not in the folder"]),
        ({"reference": "../p1.png"}, ["is a path"]),
        ({"reference": ""}, ["no reference picture is named"]),
        ({"reference": "corrupt.png"}, ["corrupt.png", "damaged"]),
        ({"reference": "text.png"}, ["text.png", "damaged or not a picture"]),
        ({"reference": "tiny.png"}, ["1x1 pixels"]),
        ({"consent": "absent"}, ["no consent", "granted", "parameter consent"]),
        ({"consent": ""}, ["no consent"]),
        *(
            ({"consent": value}, ["granted, synthetic, absent"])
            for value in (
                "yes",
                "true",
                "1",
                "no",
                "grant",
                "granted?",
                "grantеd",
                "\u200b",
                "g r a n t e d",
                "not granted",
            )
        ),
    ],
)
def test_a_bad_sample_is_listed_and_the_other_goes_on(references, change, words) -> None:
    checked, issues = check_samples(table({}, change), references, None)
    assert list(checked["sample_id"]) == ["s0"]
    assert len(issues) == 1
    for word in words:
        assert word in issues["problem"][0]
    CHECKED_SAMPLES.validate(checked)
    SAMPLE_ISSUES.validate(issues)


@pytest.mark.parametrize(
    "change",
    [{"prompt": "x" * MAX_PROMPT_CHARACTERS}, {"sample_id": "x" * 100}, {"consent": " Granted "}],
    ids=lambda change: next(iter(change)),
)
def test_what_is_just_allowed_goes_on(references, change) -> None:
    checked, issues = check_samples(table({}, change), references, None)
    assert len(checked) == 2 and issues.empty


def test_an_absent_id_is_named_by_its_row(references) -> None:
    _, issues = check_samples(table({}, {"sample_id": ""}), references, None)
    assert list(issues["sample_id"]) == ["row 2"]


def test_of_equal_ids_the_first_goes_on(references) -> None:
    rows = table({}, {"sample_id": "s0", "prompt": "A king waves."}, {})
    checked, issues = check_samples(rows, references, None)
    assert list(checked["prompt"]) == ["A chef cooks.", "A chef cooks."]
    assert list(issues["sample_id"]) == ["s0"]
    assert "same sample_id" in issues["problem"][0]


def test_consent_may_be_stated_once_for_all(references) -> None:
    rows = table({"consent": ""}, {"consent": "absent"}).assign()
    checked, issues = check_samples(rows, references, "synthetic")
    assert list(checked["consent"]) == ["synthetic"]
    assert list(issues["sample_id"]) == ["s1"]
    checked, _ = check_samples(table({}).drop(columns="consent"), references, "granted")
    assert list(checked["consent"]) == ["granted"]


def test_odd_but_usable_pictures_go_on_and_are_known_by_content(references) -> None:
    checked, issues = check_samples(
        table({"reference": "cmyk.jpg"}, {"reference": "alpha.png"}, {}), references, None
    )
    assert issues.empty
    assert checked["reference_hash"][2] == picture_hash(references["p1.png"]())
    assert checked["reference_hash"].nunique() == 3


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        (table({}).iloc[:0], "lists no sample"),
        (table({}).drop(columns=["prompt", "reference"]), "no column prompt, reference"),
        (table(*[{"prompt": ""}] * 7), "no sample can be used"),
    ],
)
def test_without_any_sample_the_run_ends_at_once(references, rows, words) -> None:
    with pytest.raises(TpigeError, match=words):
        check_samples(rows, references, None)


def test_the_final_error_names_the_first_problems(references) -> None:
    with pytest.raises(TpigeError, match=r"sample s0: the prompt is empty(.|\n)*and 2 more"):
        check_samples(table(*[{"prompt": ""}] * 7), references, None)


def test_clips_that_exist_are_evaluated_without_consent(references) -> None:
    rows = table({"consent": ""}, {"consent": "absent"}, {}, {"consent": "yes"}, {"prompt": ""})
    checked, issues = check_evaluated_samples(rows, references, None)
    assert checked["sample_id"].tolist() == ["s0", "s1", "s2"]
    assert checked["consent"].tolist() == ["absent", "absent", "granted"]
    assert issues["sample_id"].tolist() == ["s3", "s4"]
    EVALUATED_SAMPLES.validate(checked)
    with pytest.raises(SchemaError):
        CHECKED_SAMPLES.validate(checked)  # no run generates from them


def test_consent_may_be_written_large_and_with_spaces_and_nothing_else(references) -> None:
    rows = table(
        *({"consent": value} for value in ("Granted", " GRANTED\t", "Synthetic", "granted\u00a0"))
    )
    checked, _ = check_samples(rows, references, None)
    assert checked["consent"].tolist() == ["granted", "granted", "synthetic", "granted"]


def test_what_is_listed_steers_no_terminal_and_ends(references, caplog) -> None:
    rows = table(
        {},
        {"sample_id": "\x1b[2J\x1b]0;owned\x07"},
        {"sample_id": "x" * 10**6},
        {"consent": "\x1b[2J" * 999},
    )
    rows["sample_id"] = rows["sample_id"].astype(str)
    _, issues = check_samples(rows, references, None)
    assert issues["sample_id"][0] == r"\x1b[2J\x1b]0;owned\x07"
    assert all(cell.isprintable() and len(cell) < 1000 for cell in issues.to_numpy().ravel())
