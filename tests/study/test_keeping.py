"""A study stays what it is while there are votes on it."""

from __future__ import annotations

from pathlib import Path

import pytest
from drawn_study import DrawnStudy, tiny_clip

from tpige_kedro.errors import TpigeError
from tpige_kedro.study.resetting import set_aside
from tpige_kedro.study.votes_file import count_votes
from tpige_kedro.study.votes_store import Vote, VotesStore


def vote_on(study: DrawnStudy, sample: str, vote_id: str = "v1") -> None:
    pairs = study.pairs
    pair = pairs[pairs["sample_id"] == sample].iloc[0]["pair_id"]
    store = VotesStore(study.study_folder)
    store.add(Vote(vote_id, "rx", pair, "overall", "a", "a", 1.0, "2026-01-01"))
    store.close()


def test_a_rerun_writes_nothing(tmp_path: Path) -> None:
    study = DrawnStudy(tmp_path, samples=2).draw()
    before = study.files()
    assert study.draw().files() == before
    vote_on(study, study.ids[0])
    before = study.files()
    assert study.draw().files() == before
    study.draw(language="de", break_after=3)  # words are no part of the draw
    assert study.material.load().about["words"]["left"] == "Links"
    assert study.pairs.equals(DrawnStudy(tmp_path, samples=2).pairs)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"repeats": 0.5}, "drawn with other settings"),
        ({"pairs": 3}, "drawn with other settings"),
        ({"seed": 5}, "drawn with other settings"),
    ],
)
def test_other_settings(tmp_path: Path, change: dict[str, int], words: str) -> None:
    study = DrawnStudy(tmp_path, samples=2).draw()
    first = study.pairs
    study.draw(**change)
    assert not study.pairs.equals(first)  # nobody has voted yet
    study = DrawnStudy(tmp_path, samples=2).draw()
    vote_on(study, study.ids[0])
    with pytest.raises(TpigeError, match=f"1 vote on pairs.*{words}.*kedro study --reset"):
        study.draw(**change)
    assert study.pairs.equals(first)


def test_another_clip_and_more_clips(tmp_path: Path) -> None:
    study = DrawnStudy(tmp_path, samples=2).draw()
    vote_on(study, study.ids[0])
    study.make_clips(vace__walker01=tiny_clip("vace", "another"))
    with pytest.raises(TpigeError, match=r"sample walker01: its clip of .*vace.* is another"):
        study.draw()
    study.make_clips()
    study.variants.append("vace_late")
    study.make_clips()
    with pytest.raises(TpigeError, match=r"2 clips \(the first: vace_late/walker00\) have come"):
        study.draw()


@pytest.mark.parametrize("how", ["row", "consent"])
def test_who_withdraws_disappears_and_the_rest_stays(tmp_path: Path, how: str) -> None:
    study = DrawnStudy(tmp_path, samples=3).draw()
    vote_on(study, "walker00")
    before, files = study.pairs, study.files()
    if how == "row":
        del study.consents["walker01"]
    else:
        study.consents["walker01"] = "absent"
    study.write_samples()
    study.draw()
    assert study.pairs.equals(before[before["sample_id"] != "walker01"].reset_index(drop=True))
    assert study.pairs.attrs == before.attrs
    left = study.files()
    gone = before[before["sample_id"] == "walker01"]
    for name in [*gone["clip_a"], *gone["clip_b"], *gone["reference"]]:
        assert not any(name in file for file in left)
        assert name not in left["material/study.json"][0].decode()
    stays = [name for name in left if name.endswith((".mp4", ".jpg"))]
    assert stays and all(left[name] == files[name] for name in stays)


def test_a_clip_that_is_lost_comes_back(tmp_path: Path) -> None:
    study = DrawnStudy(tmp_path, samples=2).draw()
    vote_on(study, "walker00")
    before, files = study.pairs, study.files()
    lost = study.clips.path_of("vace/walker01")
    content = lost.read_bytes()
    lost.unlink()
    study.draw()
    assert study.pairs.equals(before)
    gone = set(files) - set(study.files())
    assert any(name.endswith(".mp4") for name in gone)
    lost.write_bytes(content)
    study.draw()
    after = study.files()
    assert all(
        after[n][0] == files[n][0] for n in files if n.endswith((".mp4", ".jpg", ".parquet"))
    )


def test_set_aside_and_drawn_anew(tmp_path: Path) -> None:
    study = DrawnStudy(tmp_path, samples=2).draw()
    vote_on(study, study.ids[0])
    assert count_votes(study.study_folder) == 1
    target = set_aside(study.data_root)
    assert count_votes(target) == 1 and count_votes(study.study_folder) == 0
    study.draw(pairs=2)
    vote_on(study, study.pairs["sample_id"][0])
    assert set_aside(study.data_root).name == "2"
    with pytest.raises(TpigeError, match="there is no study"):
        set_aside(study.data_root)


def test_votes_in_files_count(tmp_path: Path) -> None:
    study = DrawnStudy(tmp_path, samples=2).draw()
    folder = study.study_folder / "votes_from_files"
    folder.mkdir()
    (folder / "votes-s1.json").write_text("{}")
    with pytest.raises(TpigeError, match="other settings"):
        study.draw(pairs=2)


def test_the_names_do_not_follow_from_what_raters_can_know(tmp_path: Path) -> None:
    one = DrawnStudy(tmp_path / "one", samples=2).draw()
    two = DrawnStudy(tmp_path / "two", samples=2)
    two.make_clips(**{f"{v}__{s}": tiny_clip(v, s + "x") for v in two.variants for s in two.ids})
    two.draw()
    assert not set(one.pairs["clip_a"]) & set(two.pairs["clip_a"])
    assert not set(one.pairs["pair_id"]) & set(two.pairs["pair_id"])
