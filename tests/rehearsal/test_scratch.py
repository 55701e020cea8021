"""The scratch of a rehearsal: what a stage makes is there for those after it."""

from __future__ import annotations

import json
from pathlib import Path

from click.testing import CliRunner

from tpige_kedro.commands.rehearse import rehearse
from tpige_kedro.datasets.item_index import read_index, write_index
from tpige_kedro.rehearsal.files import File
from tpige_kedro.rehearsal.places import Place
from tpige_kedro.rehearsal.scratch import Scratch


def test_clips_of_earlier_stages_stay_listed(tmp_path: Path) -> None:
    scratch = Scratch(tmp_path)
    folder = scratch.data / "07_model_output" / "clips"
    with scratch.all_clips():
        assert not folder.exists()  # a stage that ended early made none
    for made in ({"hailuo/a": "1"}, {"vace/a": "2", "vace_pe/a": "3"}):
        with scratch.all_clips():
            write_index(folder, made)
    assert read_index(folder) == {"hailuo/a": "1", "vace/a": "2", "vace_pe/a": "3"}


def test_what_is_there_is_not_built_again(tmp_path: Path) -> None:
    scratch = Scratch(tmp_path)
    files = [File(name, 10, lambda path: path.write_bytes(b"0123456789")) for name in "abc"]
    place = Place("owner/name", files, {"a", "b"})
    assert scratch.to_build([place]) == 20
    assert scratch.build([Place("owner/name", files, {"a"})])[0] == 10
    assert scratch.to_build([place]) == 10
    assert scratch.build([place])[0] == 10
    assert scratch.to_build([place]) == 0


def test_clips_of_all_generators_are_scored(tmp_path: Path) -> None:
    """Those of a service and of Phantom are larger and longer than VACE's, which come last."""
    options = ["--env", "test", "--scale", "tiny", "--keep", "--to", str(tmp_path / "table")]
    options += ["--models", "mini_vace,mini_phantom,hailuo,mini_imaging"]
    result = CliRunner().invoke(rehearse, [*options, "--scratch", str(tmp_path / "scratch")])
    assert result.exit_code == 0, result.output
    (data,) = (tmp_path / "scratch").glob("*/data")
    scored = {file.parent.name for file in data.glob("07_model_output/clip_scores/*/*.json")}
    assert scored == {file.parent.name for file in data.glob("07_model_output/clips/*/*.mp4")}
    assert {"hailuo", "phantom", "vace"} <= scored
    samples = {file.stem for file in data.glob("07_model_output/clips/*/*.mp4")}
    assert samples == {"person01_astronaut"}, "one, as no --samples says"
    rows = {row["what"]: row for row in json.loads((tmp_path / "table.json").read_text())["rows"]}
    told = "hailuo: MINIMAX_API_KEY is not set: a run skips its variants and pays nothing for them"
    assert told in rows["hailuo"]["notes"]
