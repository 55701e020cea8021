"""``kedro forget``: everything of the person goes, everything of the others stays."""

from __future__ import annotations

import json
import logging
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from click.testing import CliRunner, Result
from PIL import Image

from tpige_kedro.commands.below import Below
from tpige_kedro.commands.forget import forget
from tpige_kedro.commands.person import Person
from tpige_kedro.datasets import ItemFolder, TableDataset
from tpige_kedro.execution.lock import DataRootLock
from tpige_kedro.execution.work import Job, Work
from tpige_kedro.execution.work import Result as Made
from tpige_kedro.files.known import KnownFiles
from tpige_kedro.files.seal import open_sealed, sealed

SAMPLES = {"ada_1": "ada", "ada_2": "ada", "bob_1": "bob"}
VARIANTS = ("vace", "phantom")


def save_items(
    folder: Path, people: dict[str, tuple[str, ...]], suffix: str = ""
) -> dict[str, tuple[str, ...]]:
    """Items of these keys, saved as a stage saves them."""
    options: dict[str, Any] = {}
    if suffix:
        options = {"suffix": suffix, "dataset": "pillow.ImageDataset"}
    jobs = [Job(key, f"made from {key}", key, people=who) for key, who in people.items()]

    def produce(todo: list[Job]) -> Iterator[tuple[Job, Made]]:
        for job in todo:
            yield job, Made(Image.new("RGB", (8, 8)) if suffix else {"of": job.key})

    ItemFolder(path=str(folder), **options).save(Work(folder.name, jobs, produce))
    return people


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data root after a run with two people, and their photos."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path / 'mlflow.db'}")
    samples, data = tmp_path / "samples", tmp_path / "data"
    (samples / "references").mkdir(parents=True)
    rows = [
        {"sample_id": s, "person_id": p, "prompt": "Waves.", "reference": f"{p}.png"}
        for s, p in SAMPLES.items()
    ]
    table = pd.DataFrame(rows)
    table.to_csv(samples / "samples.csv", index=False)
    known = KnownFiles(data / "02_intermediate" / "known_references.json")
    for person in ("ada", "bob"):
        photo = samples / "references" / f"{person}.png"
        Image.new("RGB", (32, 32)).save(photo)
        known.sha256(photo)
    known.save()

    by_sample = {s: (p,) for s, p in SAMPLES.items()}
    by_clip = {f"{v}/{s}": (p,) for v in VARIANTS for s, p in SAMPLES.items()}
    save_items(data / "04_feature/face_attributes", {p: (p,) for p in SAMPLES.values()})
    save_items(data / "05_model_input/enhanced_references", by_sample, ".png")
    save_items(data / "07_model_output/clips", by_clip, ".png")
    save_items(data / "07_model_output/clip_scores", by_clip)
    save_items(data / "07_model_output/set_scores", dict.fromkeys(VARIANTS, ()))
    save_items(
        data / "08_reporting/variant_sheets", dict.fromkeys(VARIANTS, ("ada", "bob")), ".png"
    )
    save_items(data / "08_reporting/contact_sheets", by_sample, ".png")

    def save_table(name: str, content: pd.DataFrame) -> None:
        TableDataset(filepath=str(data / name), csv=True).save(content)

    save_table("02_intermediate/checked_samples.parquet", table)
    save_table("08_reporting/scores.parquet", pd.DataFrame({"sample_id": list(SAMPLES), "n": 1}))
    save_table("08_reporting/win_shares.parquet", pd.DataFrame({"variant": VARIANTS, "n": 1}))
    save_table("08_reporting/others.parquet", pd.DataFrame({"sample_id": ["bob_1"], "n": 1}))
    reporting = data / "08_reporting"
    (reporting / "report.html").write_text("<a href=clips/vace/ada_1.mp4>ada_1</a>")
    (reporting / "gallery_data.js").write_text(
        'window.galleryData = {"samples":[["ada_1","ada"]]};'
    )
    (reporting / "variant_means.svg").write_text("<svg>vace phantom</svg>")
    tasks = data / "07_model_output" / "hailuo_tasks"
    tasks.mkdir()
    (tasks / "1234.json").write_text(json.dumps({"task_id": "7", "sample_id": "ada_1"}))
    (tasks / "5678.json").write_text(json.dumps({"task_id": "8", "sample_id": "bob_1"}))
    return data


def run(person: str, data: Path, *options: str, answer: str | None = None) -> Result:
    arguments = [person, f"--data-root={data}", f"--samples-root={data.parent / 'samples'}"]
    return CliRunner().invoke(forget, [*arguments, *options], input=answer)


def files(root: Path) -> dict[str, bytes]:
    return {str(f.relative_to(root)): f.read_bytes() for f in root.rglob("*") if f.is_file()}


def index(folder: Path) -> set[str]:
    return set(open_sealed((folder / "_index.json").read_bytes())["items"])


def test_everything_of_the_person_goes_and_the_others_keep_theirs(data: Path) -> None:
    before = files(data)
    result = run("ada", data, "--yes")
    assert result.exit_code == 0, result.output
    after = files(data)

    named = [name for name in before if "ada" in Path(name).name]
    assert len(named) == 2 * 2 + 4 * 2 + 4 + 2 * 2 + 1 and not set(named) & set(after)
    shared = {"02_intermediate/checked_samples", "08_reporting/scores"}
    gone = {name for name in before if name not in after and name not in named}
    assert gone == {
        *(f"{name}.{kind}" for name in shared for kind in ("parquet", "csv")),
        *(f"08_reporting/variant_sheets/{v}.{kind}" for v in VARIANTS for kind in ("png", "json")),
        "08_reporting/report.html",
        "08_reporting/gallery_data.js",
        "07_model_output/hailuo_tasks/1234.json",
    }
    for content in after.values():
        assert b"ada_" not in content and b'"ada"' not in content
    rewritten = {name for name in after if after[name] != before[name]}
    assert {Path(name).name for name in rewritten} == {"_index.json", "known_references.json"}
    assert index(data / "07_model_output/clips") == {"vace/bob_1", "phantom/bob_1"}
    assert index(data / "08_reporting/variant_sheets") == set()
    assert set(ItemFolder(path=str(data / "07_model_output/clip_scores")).load()) == {
        "vace/bob_1",
        "phantom/bob_1",
    }
    assert (data.parent / "samples" / "references" / "ada.png").exists()


def test_the_chosen_clips_and_their_table_go(data: Path) -> None:
    chosen = data / "08_reporting" / "chosen"
    save_items(chosen, {s: (p,) for s, p in SAMPLES.items()}, ".png")
    pd.DataFrame({"sample_id": list(SAMPLES), "clip": "x"}).to_csv(chosen / "chosen.csv")
    assert run("ada", data, "--yes").exit_code == 0
    left = {file.name for file in chosen.iterdir()} - {"_seen.json"}
    assert left == {"_index.json", "bob_1.png", "bob_1.json"} and index(chosen) == {"bob_1"}
    pd.DataFrame({"sample_id": ["bob_1"]}).to_csv(chosen / "chosen.csv")
    assert run("ada", data, "--yes").exit_code == 0
    assert (chosen / "chosen.csv").exists(), "nobody else's table"


def test_it_lists_by_folder_asks_and_says_what_is_left(data: Path) -> None:
    before = files(data.parent)
    result = run("ada", data, answer="n\n")
    assert result.exit_code == 1
    assert files(data.parent) == before, "nothing happens without a yes"
    lines = result.output.splitlines()
    assert lines[0] == f"ada (2 samples), below {data}:"
    [clips] = [line for line in lines if line.startswith("  07_model_output/clips ")]
    assert "8 files, 4 entries" in clips and clips.endswith("kB")
    assert any("hailuo_tasks" in line and "1 file" in line for line in lines)
    assert any("tables and pages that also show other people" in line for line in lines)
    assert any("note:" in line and str(data.parent / "samples") in line for line in lines)
    assert any("note:" in line and "servers" in line for line in lines)
    assert lines[-2].startswith("Delete ") and "files" in lines[-2]
    assert len(lines) < 20

    result = run("ada", data, answer="y\n")
    assert result.exit_code == 0
    assert "run again to rebuild tables and report" in result.output


def test_dry_run_and_verbose(data: Path) -> None:
    before = files(data.parent)
    result = run("ada", data, "--dry-run", "--verbose")
    assert result.exit_code == 0 and files(data.parent) == before
    assert str(data / "07_model_output/clips/vace/ada_1.png") in result.output
    assert "Delete" not in result.output


def test_a_second_time_there_is_nothing(data: Path) -> None:
    run("ada", data, "--yes")
    result = run("ada", data)
    assert result.exit_code == 0
    assert result.output.startswith(f"nothing of ada was found below {data}")


def test_a_stranger(data: Path) -> None:
    before = files(data)
    result = run("eve", data, "--yes")
    assert (result.exit_code, result.output) == (
        0,
        f"nothing of eve was found below {data}\n",
    )
    assert files(data) == before


def test_a_sample_is_no_person(data: Path) -> None:
    result = run("bob_1", data, "--yes")
    assert result.exit_code == 1
    assert "bob_1 is a sample of bob: kedro forget bob" in result.output


@pytest.mark.parametrize("name", ["", " "])
def test_nobody(data: Path, name: str) -> None:
    before = files(data)
    assert run(name, data, "--yes").exit_code == 1
    assert files(data) == before


def test_a_folder_that_is_not_there(data: Path) -> None:
    result = run("ada", data / "absent")
    assert result.exit_code == 1 and "is not a directory; set --data-root" in result.output
    assert not (data / "absent").exists()


def test_not_while_a_run_is_writing(data: Path) -> None:
    lock = DataRootLock(data, "kedro run")
    lock.acquire()
    before = files(data)
    refused = run("ada", data, "--yes")
    assert refused.exit_code == 1 and "another run is writing to" in refused.output
    assert run("ada", data, "--dry-run").exit_code == 0
    assert files(data) == before
    lock.release()
    assert run("ada", data, "--yes").exit_code == 0
    assert not (data / "run.lock").exists()


def test_a_person_whom_only_records_remember(data: Path) -> None:
    """Consent was withdrawn, and a later run has written the tables without the person."""
    (data / "02_intermediate/checked_samples.parquet").unlink()
    (data / "02_intermediate/checked_samples.csv").unlink()
    (data.parent / "samples/samples.csv").write_text("sample_id,person_id,prompt,reference\n")
    person = Person("ada")
    Below(data).learn(person)
    assert person.samples == {"ada_1", "ada_2"}
    run("ada", data, "--yes")
    assert not [name for name in files(data) if "ada" in name]


def test_damaged_files_are_known_by_their_names(data: Path) -> None:
    clips = data / "07_model_output/clips/vace"
    (clips / "ada_1.json").write_bytes(b"{")
    (clips / "ada_2.json").unlink()
    (clips / ".tmp-0a1b2c3d-ada_2.png").write_bytes(b"half")
    (clips.parent / "_index.json").write_bytes(b'{"ada_1"')
    (data / "08_reporting/selection.parquet").write_bytes(b"half a table")
    (data / "08_reporting/empty.csv").write_bytes(b"")
    (data / "08_reporting/known_references.json").write_bytes(b"\xff")
    run("ada", data, "--yes")
    left = {f.name for f in clips.iterdir()}
    assert left == {"bob_1.png", "bob_1.json"}
    assert not (clips.parent / "_index.json").exists()
    assert not (data / "08_reporting/selection.parquet").exists(), "nobody knows what is in it"


def test_keys_with_dots_are_not_mistaken(tmp_path: Path) -> None:
    folder = tmp_path / "07_model_output/clips"
    save_items(folder, {"v/a": ("ada",), "v/a.b": ("bob",)}, ".png")
    person = Person("ada", {"a"})
    for finding in Below(tmp_path).find(person):
        finding.delete()
    assert {f.name for f in (folder / "v").iterdir()} == {"a.b.png", "a.b.json"}


def test_results_from_before_item_folders(tmp_path: Path) -> None:
    """There, outputs and records were in folders of their own, and named nobody."""
    names = [
        "04_feature/face_attributes/{person}.json", "05_model_input/enhanced_references/{sample}.png",
        "07_model_output/clips/vace/{sample}.mp4", "07_model_output/records/vace/{sample}.json",
        "07_model_output/failures/scoring/vace/{sample}.json", "08_reporting/samples/{sample}.html",
    ]  # fmt: skip
    for name in names:
        for sample, person in SAMPLES.items():
            file = tmp_path / name.format(sample=sample, person=person)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text("{}")
    sheet = tmp_path / "08_reporting/variant_sheets/vace.png"
    sheet.parent.mkdir(parents=True)
    sheet.write_bytes(b"")
    rows = [{"sample_id": s, "person_id": p} for s, p in SAMPLES.items()]
    (tmp_path / "02_intermediate").mkdir()
    pd.DataFrame(rows).to_parquet(tmp_path / "02_intermediate/checked_samples.parquet")
    person = Person("ada")
    below = Below(tmp_path)
    below.learn(person)
    for finding in below.find(person):
        finding.delete()
    left = set(files(tmp_path))
    assert left == {name.format(sample="bob_1", person="bob") for name in names}


def test_raw_data_and_models_are_left_alone(data: Path) -> None:
    own = [
        data / "01_raw/ada.png", data / "06_models/ada/ada.json", data / "notes/ada_1.png",
        data / "ada.txt",
    ]  # fmt: skip
    for file in own:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("ada")
    run("ada", data, "--yes")
    assert all(file.exists() for file in own)


def test_photos_below_the_data_root_are_left_alone(data: Path) -> None:
    inside = data / "02_intermediate/photos"
    shutil.move(data.parent / "samples", inside)
    result = CliRunner().invoke(
        forget, ["ada", f"--data-root={data}", f"--samples-root={inside}", "--yes"]
    )
    assert result.exit_code == 0
    assert (inside / "references/ada.png").exists() and (inside / "samples.csv").exists()


def test_linked_folders_are_followed_and_circles_are_not(data: Path) -> None:
    disk = data.parent / "disk"
    shutil.move(data / "07_model_output", disk)
    (data / "07_model_output").symlink_to(disk)
    (data / "08_reporting/circle").symlink_to(data / "08_reporting")
    run("ada", data, "--yes")
    assert not [f for f in disk.rglob("*") if "ada" in f.name]


@pytest.mark.parametrize("uri", ["http://mlflow.example.org", "postgresql://me:secret@host/db"])
def test_a_remote_store_is_not_touched_and_that_is_said(
    data: Path, monkeypatch: pytest.MonkeyPatch, uri: str
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    result = run("ada", data, "--yes")
    assert result.exit_code == 0
    assert "is not on this disk and was not searched" in result.output
    assert "secret" not in result.output


def test_a_damaged_store_hinders_nothing_else(data: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL)
    store = data.parent / "mlflow.db"
    store.write_bytes(b"\x93" * 5000)
    result = run("ada", data, "--yes")
    assert result.exit_code == 0, result.output
    assert f"MLflow's {store} was not searched" in result.output
    assert not [name for name in files(data) if "ada" in name]


def test_no_store_is_made(data: Path) -> None:
    run("ada", data, "--yes")
    assert not (data.parent / "mlflow.db").exists()


def test_what_a_folder_remembers_of_the_person_goes_and_is_no_item(data: Path) -> None:
    file = data / "07_model_output/clips/_seen.json"
    lines = {"vace/ada_1": "1 2 3", "vace/bob_1": "4 5 6"}
    file.write_bytes(sealed({"records": lines}))
    assert run("ada", data, "--yes").exit_code == 0
    assert open_sealed(file.read_bytes()) == {"records": {"vace/bob_1": "4 5 6"}}


@pytest.mark.parametrize("reference", ["ada/", "ada", "faces of ada", "ada/1.jpg"])
def test_all_pictures_of_a_folder_are_the_persons(tmp_path: Path, reference: str) -> None:
    person = Person("p1")
    rows = {"sample_id": ["s1"], "person_id": ["p1"], "reference": [reference]}
    person.learn_from_table(pd.DataFrame(rows))
    folder = tmp_path / "references" / reference.partition("/")[0]
    assert person.took(folder / "1.jpg")
    assert not person.took(tmp_path / "references" / "bob" / "2.jpg")
    assert not person.took(tmp_path / "references" / "bob.jpg")


def test_a_person_of_two_lists_is_forgotten_with_a_folder_of_photos(data: Path) -> None:
    samples = data.parent / "samples"
    (samples / "samples.csv").unlink()
    (samples / "people.csv").write_text("person_id,reference\nada,portraits/\nbob,\n")
    (samples / "prompts.txt").write_text("Waves.\nNods.\n")
    (samples / "references" / "portraits").mkdir()
    photo = samples / "references" / "portraits" / "1.png"
    (samples / "references" / "ada.png").rename(photo)
    file = data / "02_intermediate" / "known_references.json"
    known = KnownFiles(file)
    known.sha256(photo)
    known.save()
    assert b"portraits" in file.read_bytes()
    result = run("ada", data, "--yes")
    assert result.exit_code == 0, result.output
    assert b"portraits" not in file.read_bytes() and b"bob.png" in file.read_bytes()
    assert "yours to delete (portraits" in result.output and photo.exists()
