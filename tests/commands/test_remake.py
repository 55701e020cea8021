"""``kedro remake``: a clip from its recipe, frame by frame the same; what is wrong or not here is named with what to do."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from PIL import Image

from project import Project
from provenance.recipes import CONTENT, clip_with
from tpige_kedro.commands.remake import remake
from tpige_kedro.datasets import Mp4Dataset
from tpige_kedro.provenance.recipe import read_recipe
from tpige_kedro.provenance.xmp import recipe_in

STAGES = ("prompt_enhancement", "reference_enhancement", "generation_variants")


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the results of the first test are kept for the others."""
    return tmp_path_factory.mktemp("results") / "data"


@pytest.fixture
def made(project: Project, results: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """Two samples with clips of two variants, and a working directory for new files."""
    if results.is_dir():
        shutil.copytree(results, project.data)
    else:
        project.run(*STAGES)
        shutil.copytree(project.data, results)
    (project.folder / "here").mkdir()
    monkeypatch.chdir(project.folder / "here")
    return project


def clip_of(project: Project, key: str = "vace/s1") -> Path:
    return project.data / "07_model_output" / "clips" / f"{key}.mp4"


def remade(project: Project, clip: Path, *options: str, **roots: str) -> Result:
    params = ",".join(f"{key}={value}" for key, value in {**project.roots, **roots}.items())
    place = ["--env", project.env, "--conf-source", str(project.conf), f"--params={params}"]
    return CliRunner().invoke(remake, [str(clip), *place, *options])


def changed(project: Project, file: Path, **changes: Any) -> Path:
    """A clip whose recipe was edited."""
    content = json.loads(recipe_in(clip_of(project)))
    for key, value in changes.items():
        *path, last = key.split("__")
        part = content
        for name in path:
            part = part[name]
        part[last] = value
    return clip_with(json.dumps(content), file)


def files(root: Path) -> dict[str, bytes]:
    return {str(f): f.read_bytes() for f in root.rglob("*") if f.is_file()}


@pytest.mark.parametrize("key", ["vace/s1", "vace_pe_ie/s2"])
def test_the_frames_are_the_same_and_data_root_is_not_written(made: Project, key: str) -> None:
    before = files(made.data)
    result = remade(made, clip_of(made, key))
    assert result.exit_code == 0, result.output
    assert "identical: all 5 frames are equal" in result.output
    new = Path(f"{key[-2:]}-remade.mp4")
    assert f"written: {new}" in result.output
    assert new.read_bytes() == clip_of(made, key).read_bytes(), "its recipe, too"
    assert files(made.data) == before


def test_a_photo_that_is_given_is_checked(made: Project, tmp_path: Path) -> None:
    clip, photo = clip_of(made), made.samples / "references" / "r1.png"
    elsewhere = {"samples_root": str(tmp_path / "none")}
    absent = remade(made, clip, **elsewhere)
    assert (
        absent.exit_code == 1
        and "the photo that the clip was made from was not found" in absent.output
    )
    assert "--reference PHOTO" in absent.output
    moved = shutil.copy(photo, tmp_path / "somewhere else.png")
    given = remade(made, clip, "--reference", str(moved), **elsewhere)
    assert given.exit_code == 0 and "identical" in given.output
    smaller = tmp_path / "smaller.png"
    Image.open(photo).resize((30, 30)).save(smaller)
    other = remade(made, clip, "--reference", str(smaller), "--to", "other.mp4")
    assert other.exit_code == 1 and "is not the photo that the clip was made from" in other.output
    text = tmp_path / "text.png"
    text.write_text("no picture")
    unreadable = remade(made, clip, "--reference", str(text), "--to", "other.mp4")
    assert unreadable.exit_code == 1 and "text.png" in unreadable.output
    assert not Path("other.mp4").exists()


def test_a_redrawn_reference_is_found_by_its_content(made: Project, tmp_path: Path) -> None:
    clip = clip_of(made, "vace_pe_ie/s1")
    drawn = made.data / "05_model_input" / "enhanced_references" / "s1.png"
    kept = shutil.copy(drawn, tmp_path / "kept.png")
    nowhere = {"data_root": str(tmp_path / "fresh")}
    absent = remade(made, clip, **nowhere)
    assert absent.exit_code == 1 and "run reference_enhancement again" in absent.output
    given = remade(made, clip, "--reference", str(kept), **nowhere)
    assert given.exit_code == 0 and "identical" in given.output, given.output
    assert not (tmp_path / "fresh").exists()


MISMATCHES: dict[str, tuple[dict[str, Any], str]] = {
    "class": ({"model__type": "os.system"}, "no model in conf is of the class os.system"),
    "version": ({"model__version": 7}, "is of version 7 of fakes.Generator"),
    "weights": ({"model__source": "owner/name"}, "set source and revision to the former"),
    "revision": ({"model__revision": "ab" * 20}, "abababababababababab"),
    "option": ({"model__options": {"steps": 99}}, "options.steps: 99 in the recipe, "),
    "option that is not here": (
        {"model__options": {"x": 1}},
        "options.x: 1 in the recipe, none here",
    ),
    "further weights": (
        {"model__parts": {"base": {"source": None, "revision": "cd"}}},
        "options.base",
    ),
    "class of an option": (
        {"model__runs": {"inner": {"type": "a.B", "version": 1}}},
        "options.inner",
    ),
    "seedless": ({"seed": None}, "never gives the same clip twice"),
    "reference": ({"references": [{"source": "original", "hash": "0" * 32}]}, "was not found"),
    "drawn": ({"references": [{"source": "enhanced", "hash": "0" * 64}]}, "no such redrawn"),
}


@pytest.mark.parametrize(("changes", "said"), MISMATCHES.values(), ids=MISMATCHES)
def test_what_does_not_match_is_named(made: Project, changes: dict[str, Any], said: str) -> None:
    made.forget_work()
    result = remade(made, changed(made, Path("edited.mp4"), **changes))
    assert result.exit_code == 1 and said in result.output, result.output
    assert "Traceback" not in result.output and not list(Path().glob("*-remade.mp4"))
    assert not made.work, "no model was loaded"


def test_every_difference_is_named_at_once(made: Project) -> None:
    edits = {"model__version": 7, "model__revision": "ab" * 20, "model__options": {"steps": 9}}
    said = remade(made, changed(made, Path("edited.mp4"), **edits)).output
    assert all(part in said for part in ("version 7", "abab", "steps: 9"))


def test_an_option_can_be_given_for_this_once(made: Project) -> None:
    entry = json.loads(recipe_in(clip_of(made)))["model"]["options"]
    clip = changed(made, Path("edited.mp4"), model__options={**entry, "steps": 99})
    assert "--params=models.mini_vace.options.steps=…" in remade(made, clip).output
    result = remade(made, clip, **{"models.mini_vace.options.steps": "99"})
    assert result.exit_code == 0 and "are those of the recipe" in result.output, result.output


def test_a_recipe_steers_no_terminal(made: Project) -> None:
    clip = changed(made, Path("edited.mp4"), **{"\x1b[2J" + "x" * 5000: 1})
    result = remade(made, clip)
    assert result.exit_code == 1 and "\x1b" not in result.output and len(result.output) < 600
    assert "\\x1b[2Jx" in result.output


def test_a_model_of_another_name_is_taken_if_it_is_the_same(made: Project) -> None:
    result = remade(made, changed(made, Path("renamed.mp4"), model__name="elsewhere"))
    assert (
        "models.mini_vace, its weights and the reference are those of the recipe" in result.output
    )


def test_another_prompt_or_seed_is_not_identical(made: Project) -> None:
    """A recipe that was changed by hand, in form: the clip is made, and is said to be another."""
    clip = changed(made, Path("edited.mp4"), seed=7)
    shutil.copy(clip, "copy.mp4")
    result = remade(made, clip)
    assert result.exit_code == 0 and "not identical: " in result.output
    assert "5 frames of 48x32 and 5 frames of 32x32" in result.output
    again = remade(made, Path("edited-remade.mp4"))
    assert "identical: all 5" in again.output
    assert read_recipe(Path("edited-remade.mp4")).seed == 7


def test_frames_that_differ_are_counted(made: Project) -> None:
    clip = clip_of(made)
    frames = Mp4Dataset(filepath=str(clip)).load().frames.copy()
    frames[2, :8] = 255 - frames[2, :8]
    from tpige_kedro.datasets.mp4_encoding import encode_clip
    from tpige_kedro.schemas import Provenance

    recipe = read_recipe(clip)
    facts = (frames.shape, 8, "x", Provenance(), 0)
    Path("changed.mp4").write_bytes(encode_clip([frames], *facts, recipe=recipe.text).content)
    result = remade(made, Path("changed.mp4"))
    assert "not identical: " in result.output and "of 5 frames differ, by up to" in result.output
    assert "before compression all frames are the same" in result.output


def test_places_that_a_clip_cannot_go_to(made: Project) -> None:
    clip = clip_of(made)
    for to, said in {
        str(clip): "exists; delete it",
        "a.webm": "does not end in .mp4",
        "none/a.mp4": "is not a directory",
    }.items():
        result = remade(made, clip, "--to", to)
        assert result.exit_code == 1 and said in result.output, result.output
    remade(made, clip, "--to", "new.MP4")
    assert Path("new.MP4").is_file()


def test_clips_without_a_recipe(made: Project, tmp_path: Path) -> None:
    plain = clip_with("", tmp_path / "plain.mp4")
    (tmp_path / "cut.mp4").write_bytes(clip_of(made).read_bytes()[:-9])
    (tmp_path / "text.mp4").write_text("hello, this is no clip")
    newer = clip_with(json.dumps({**CONTENT, "recipe": 2}), tmp_path / "newer.mp4")
    path = clip_with(
        json.dumps({**CONTENT, "model": {**CONTENT["model"], "source": "/etc"}}),
        tmp_path / "path.mp4",
    )
    for file, said in {
        plain: "carries no recipe",
        tmp_path / "cut.mp4": "is cut off",
        tmp_path / "text.mp4": "is not an MP4",
        newer: "install a newer tpige_kedro",
        path: "never a path",
        tmp_path / "absent.mp4": "does not exist",
    }.items():
        result = remade(made, file)
        assert result.exit_code != 0 and said in result.output, result.output
        lines = [line for line in result.output.splitlines() if line.startswith("Error")]
        assert len(lines) == 1 and file.name in lines[0]


def test_what_the_model_refuses_is_said(made: Project) -> None:
    result = remade(made, changed(made, Path("edited.mp4"), prompt="unmakeable"))
    assert result.exit_code == 1 and "the model refused this prompt" in str(
        result.exception or result.output
    )
    assert not Path("edited-remade.mp4").exists()
