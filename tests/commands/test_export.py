"""``kedro export``: everything that the report shows, nothing else, and nothing of this machine."""

from __future__ import annotations

import json
import os
import zipfile
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from kedro.framework.startup import bootstrap_project

from project import ROOT
from tpige_kedro.commands.export import export
from tpige_kedro.commands.without_paths import Cleaner
from tpige_kedro.execution.lock import DataRootLock
from tpige_kedro.pipelines.reporting.gallery import CLOSING, OPENING

SECRET = "sk-very-secret-0123456789"
CLIP = b"an mp4"
LINKS = {
    "clip": "../07_model_output/clips/{variant}/{sample_id}.mp4",
    "strip": "strips/{variant}/{sample_id}.png",
    "page": "samples/{sample_id}.html",
}
SHOWN = {  # of two samples and two variants; one clip has no scores
    "index.html",
    "08_reporting/report.html",
    "08_reporting/gallery.html",
    "08_reporting/gallery_data.js",
    "08_reporting/samples/s1.html",
    "08_reporting/samples/s2.html",
    "08_reporting/strips/vace/s1.png",
    "08_reporting/strips/vace/s2.png",
    "08_reporting/strips/vace_pe/s1.png",
    "07_model_output/clips/vace/s1.mp4",
    "07_model_output/clips/vace/s2.mp4",
    "07_model_output/clips/vace_pe/s1.mp4",
}


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data root with a report, what an earlier run left, and texts that name folders and a key."""
    bootstrap_project(ROOT)
    monkeypatch.setenv("MINIMAX_API_KEY", SECRET)
    root = tmp_path / "my data"
    for variant in ("vace", "vace_pe"):
        for sample in ("s1", "s2", "gone"):
            write(root / f"07_model_output/clips/{variant}/{sample}.mp4", CLIP)
            write(root / f"07_model_output/clips/{variant}/{sample}.json", b"{}")
            write(root / f"08_reporting/strips/{variant}/{sample}.png", b"a png")
    for sample in ("s1", "s2", "gone"):
        write(root / f"08_reporting/samples/{sample}.html", b"<p>A page.</p>")
        write(root / f"01_raw/references/{sample}.jpg", b"a photo")
    text = f"<p>no face in {root}/01_raw/s1.jpg or /opt/photos/ada.jpg, key {SECRET}</p>"
    write(root / "08_reporting/report.html", text.encode())
    write(root / "08_reporting/gallery.html", b"<p>Gallery</p>")
    write(root / "08_reporting/failures.csv", text.encode())
    save_gallery(root)
    return root


def write(file: Path, content: bytes) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)


def save_gallery(root: Path, **changes: Any) -> None:
    content = {
        "links": LINKS,
        "samples": [["s1", "p1"], ["s2", "p2"]],
        "scores": {"vace": [[0.5], [0.6]], "vace_pe": [[0.7], None]},
        "facts": {"vace": {"shared": {"weights": f"{root}/06_models/wan"}}},
    }
    text = f"{OPENING}{json.dumps(content | changes)}{CLOSING}"
    write(root / "08_reporting/gallery_data.js", text.encode())


def run(data: Path, *options: str) -> Result:
    samples = str(data.parent / "samples")
    given = [
        "--data-root",
        str(data),
        "--samples-root",
        samples,
        "--to",
        str(data.parent / "out.zip"),
    ]
    return CliRunner().invoke(export, [*given, *options])


def packed(data: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(data.parent / "out.zip") as found:
        assert found.testzip() is None
        names = found.namelist()
        assert all(name.startswith("out/") for name in names) and len(names) == len(set(names))
        return {name.removeprefix("out/"): found.read(name) for name in names}


def test_it_holds_what_is_shown_and_nothing_else(data: Path) -> None:
    result = run(data)
    assert result.exit_code == 0, result.output
    found = packed(data)
    assert set(found) == SHOWN
    assert found["07_model_output/clips/vace/s1.mp4"] == CLIP
    before, after = result.output.splitlines()
    assert before.startswith("5 pages, 3 clips, 3 pictures, 1 file: ") and "B before" in before
    assert str(data.parent / "out.zip") in after and "index.html" in after


def test_no_path_of_the_machine_and_no_key(data: Path) -> None:
    run(data)
    found = packed(data)
    for name, content in found.items():
        for secret in (str(data), str(data.parent), SECRET, "/opt", os.sep + "my data"):
            assert secret.encode() not in content, name
    assert (
        b"no face in \xe2\x80\xa6/01_raw/s1.jpg or \xe2\x80\xa6/ada.jpg, key [removed]"
        in found["08_reporting/report.html"]
    )
    assert json.loads(
        found["08_reporting/gallery_data.js"].decode().removeprefix(OPENING).rstrip(";\n")
    )


@pytest.mark.parametrize(
    "text",
    [
        "../07_model_output/clips/vace/s1.mp4",
        "https://example.org/home/page/tmp/x",
        "data:image/png;base64,AAAA/tmp/BBBB/home/CCCC+/usr/lib/x=",
        "and/or, 1/2, </p>, /",
        "a regular expression like /^tmp/",
        "/tmp",
    ],
)
def test_what_is_no_path_of_the_machine_stays(text: str) -> None:
    assert Cleaner([Path("/tmp/some/where")])(text) == text


@pytest.mark.parametrize(
    "folder", ["/tmp/it's <mine> & yours", '/tmp/"quoted"', "/tmp/Ünï cödé", "/tmp/a.b+c"]
)
def test_folders_of_any_name_go_in_html_and_json(folder: str) -> None:
    import html

    clean = Cleaner([Path(folder)])
    for text in (
        folder,
        html.escape(folder),
        json.dumps(folder),
        json.dumps(folder, ensure_ascii=False),
    ):
        assert "tmp" not in clean(f"see {text}/a/x.png") and "x.png" in clean(f"see {text}/a/x.png")


def test_the_same_results_give_the_same_bytes(data: Path) -> None:
    run(data)
    first = (data.parent / "out.zip").read_bytes()
    for file in data.rglob("*.*"):
        os.utime(file, (1, 1))
    assert run(data, "--overwrite").exit_code == 0
    assert (data.parent / "out.zip").read_bytes() == first


def test_a_file_that_is_there_is_not_replaced_unasked(data: Path) -> None:
    write(data.parent / "out.zip", b"mine")
    result = run(data)
    assert result.exit_code == 1 and "--overwrite replaces it" in result.output
    assert (data.parent / "out.zip").read_bytes() == b"mine"


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("out.tar", "does not end in .zip"),
        ("folder.zip", "is a directory"),
        ("file.zip/out.zip", "there is a file where"),
    ],
)
def test_a_target_that_cannot_be_is_refused_in_words(data: Path, target: str, words: str) -> None:
    (data.parent / "folder.zip").mkdir()
    write(data.parent / "file.zip", b"")
    result = run(data, "--to", str(data.parent / target))
    assert result.exit_code == 1 and words in result.output
    assert not isinstance(result.exception, OSError)


def test_what_is_missing_is_named_and_leaves_no_file(data: Path) -> None:
    (data / "07_model_output/clips/vace/s2.mp4").unlink()
    result = run(data)
    assert result.exit_code == 1
    assert "07_model_output/clips/vace/s2.mp4; put them back, or run again" in result.output
    (data / "08_reporting/report.html").unlink()
    assert "report.html is missing; run kedro run --pipelines=reporting" in run(data).output
    write(data / "08_reporting/gallery_data.js", b"something else")
    assert "gallery_data.js is damaged" in run(data).output
    (data / "08_reporting/gallery_data.js").unlink()
    assert "there is no gallery" in run(data).output
    assert not list(data.parent.glob("*.zip")) and not list(data.parent.glob(".tmp*"))


def test_a_page_or_a_picture_that_failed_is_left_out(data: Path) -> None:
    for name in ("samples/s2.html", "strips/vace/s2.png"):
        (data / "08_reporting" / name).unlink()
    assert run(data).exit_code == 0
    assert SHOWN - set(packed(data)) == {
        "08_reporting/samples/s2.html",
        "08_reporting/strips/vace/s2.png",
    }


def test_clips_that_lie_elsewhere_are_refused(data: Path) -> None:
    save_gallery(data, links=LINKS | {"clip": "../../other/{variant}/{sample_id}.mp4"})
    result = run(data)
    assert (
        result.exit_code == 1 and "reporting.clip_link or page_link points outside" in result.output
    )


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        (["s1,p1,granted", "s2,p2,withdrawn"], "s2: the list says consent 'withdrawn'"),
        (["s1,p1,granted", "s2,p2,absent"], "s2: the list says consent 'absent'"),
        (["s1,p1,granted"], "s2: is no longer in the list of samples"),
    ],
)
def test_nothing_of_people_who_withdrew(data: Path, lines: list[str], words: str) -> None:
    rows = [f"{line},A man.,{line[:2]}.jpg" for line in lines]
    text = "\n".join(["sample_id,person_id,consent,prompt,reference", *rows])
    write(data.parent / "samples/samples.csv", text.encode())
    result = run(data)
    assert (
        result.exit_code == 1
        and words in result.output
        and "run the pipeline again" in result.output
    )
    assert not (data.parent / "out.zip").exists()


@pytest.mark.parametrize("consent", ["granted", "Synthetic", ""])
def test_people_who_consent_are_shown(data: Path, consent: str) -> None:
    rows = [f"s{i},p{i},A man.,{i}.jpg,{consent}" for i in (1, 2, 3)]
    text = "\n".join(["sample_id,person_id,prompt,reference,consent", *rows])
    write(data.parent / "samples/samples.csv", text.encode())
    assert run(data).exit_code == 0


def test_it_needs_no_lock(data: Path) -> None:
    lock = DataRootLock(data)
    lock.acquire()
    try:
        assert run(data).exit_code == 0
    finally:
        lock.release()


@pytest.mark.parametrize(
    ("name", "value", "gone"),
    [
        ("OWN_API_KEY", "12345678", True),
        ("OWN_API_KEY", "1234567", False),
        ("own_password", "a longer word", True),
        ("OWN_NAME", "a longer word", False),
    ],
)
def test_a_secret_is_known_by_its_name_and_has_eight_letters_or_more(
    name: str, value: str, gone: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    assert Cleaner([])(f"asked with {value}.") == f"asked with {'[removed]' if gone else value}."
