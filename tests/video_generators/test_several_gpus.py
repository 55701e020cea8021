"""Two real processes against one: the same clips, whichever way the work is split."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from probe_vace import ProbeVace
from tiny_wan import OPTIONS, picture

from tpige_kedro.errors import ModelError, SampleError
from tpige_kedro.schemas import Guidance
from tpige_kedro.video_generators import several_gpus
from tpige_kedro.video_generators.phantom import Phantom
from tpige_kedro.video_generators.protocol import ClipRequest, GeneratedClip, SourceVideo
from tpige_kedro.video_generators.several_gpus import SeveralGpus
from warm import WARM

GUIDED = Guidance(text_weight=4.0, identity_weight=0.5, skip_layers=(2,))
FORMS = ["as_published", "t2v"]
SHORT = SourceVideo(np.zeros((5, 32, 48, 3), np.uint8))


def ask(sample_id: str, **more: Any) -> ClipRequest:
    return ClipRequest(sample_id, "a video of a king in the rain", (picture(0),), 7, **more)


def spread(folder: Path, split: Any) -> SeveralGpus:
    return SeveralGpus(
        str(folder), generator="probe_vace.ProbeVace", gpus=2, split=split, **OPTIONS
    )


@pytest.fixture(scope="module")
def alone(vace_folder: Path) -> ProbeVace:
    return ProbeVace(str(vace_folder), **OPTIONS)


@pytest.fixture(scope="module")
def imported() -> Iterator[None]:
    """New processes come from one that has imported what they need, which costs each of them seconds; pickled as by spawn.

    That spawned ones work is tested with a generator that imports little, in ``makers/test_pinned_generators.py``.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(several_gpus.multiprocessing, "get_context", lambda method: WARM)
        yield


@pytest.fixture(scope="module")
def context(vace_folder: Path, imported: None) -> Iterator[SeveralGpus]:
    generator = spread(vace_folder, "context")
    yield generator
    generator.close()


@pytest.fixture(scope="module")
def branches(vace_folder: Path, imported: None) -> Iterator[SeveralGpus]:
    generator = spread(vace_folder, "branches")
    yield generator
    generator.close()


@pytest.mark.parametrize("split", ["context", "branches"])
def test_two_processes_make_the_clips_of_one(
    request: pytest.FixtureRequest, alone: ProbeVace, split: str
) -> None:
    together: SeveralGpus = request.getfixturevalue(split)
    for form in FORMS:
        guidance = GUIDED.model_copy(update={"weak_branch": form})
        wanted = [ask("a"), ask("short", source_video=SHORT), ask("b")]
        made = {r.sample_id: o for r, o in together.generate(wanted, guidance)}
        assert isinstance(made["short"], SampleError)
        assert "sample short" in str(made["short"])
        for asked in (wanted[0], wanted[2]):
            ((_, expected),) = alone.generate([asked], guidance)
            clip = made[asked.sample_id]
            assert isinstance(clip, GeneratedClip)
            assert isinstance(expected, GeneratedClip)
            assert clip.details["forwards"] == expected.details["forwards"]
            ours, theirs = (np.array(c.details["videos"]) for c in (clip, expected))
            np.testing.assert_allclose(ours, theirs, atol=1e-6)
            assert np.abs(clip.frames.astype(int) - expected.frames).max() <= 1
            assert shared_out(together, clip.details["tokens"], expected.details["tokens"])


def shared_out(generator: SeveralGpus, ours: list[int], theirs: list[int]) -> bool:
    """Whether rank 0 had half of the tokens, or all tokens of cond and weak, not of uncond."""
    if generator._build[1]["parallel"] == {"branches": True}:
        return len(ours) == len(theirs) * 2 // 3 and set(ours) == set(theirs)
    return [2 * count for count in ours] == theirs


def test_settings_that_do_not_fit_are_raised_as_on_one_gpu(context: SeveralGpus) -> None:
    with pytest.raises(ValueError, match=r"skip_layers: layer 9"):
        next(context.generate([ask("a")], Guidance(skip_layers=(9,))))


def test_a_process_that_fails_or_dies_ends_the_call_and_the_next_starts_new_ones(
    branches: SeveralGpus,
) -> None:
    processes = [process for process, _ in branches._ranks]
    with pytest.raises(ModelError, match=r"out of GPU memory .*offload"):
        list(branches.generate([ask("too large")], GUIDED))
    assert not any(process.is_alive() for process in processes)
    with pytest.raises(ModelError, match=r"GPU 1 died|a process died|GPU 0 failed"):
        list(branches.generate([ask("dies")], GUIDED))
    assert branches._ranks == []


@pytest.mark.usefixtures("imported")
def test_phantom_on_two_processes(phantom_folder: Path, vace_folder: Path) -> None:
    one = Phantom(str(phantom_folder), base=str(vace_folder), **OPTIONS)
    two = SeveralGpus(
        str(phantom_folder),
        generator="tpige_kedro.video_generators.phantom.Phantom",
        gpus=2,
        split="context",
        base=str(vace_folder),
        **OPTIONS,
    )
    ((_, expected),), ((_, clip),) = (list(g.generate([ask("a")], GUIDED)) for g in (one, two))
    two.close()
    assert isinstance(clip, GeneratedClip)
    assert isinstance(expected, GeneratedClip)
    assert np.abs(clip.frames.astype(int) - expected.frames).max() <= 1


@pytest.mark.parametrize(("key", "value"), [("gpus", 1), ("split", "frames")])
def test_bad_options_of_several_gpus_are_named(key: str, value: Any) -> None:
    options = {"generator": "probe_vace.ProbeVace", "gpus": 2, "split": "context", key: value}
    with pytest.raises(ValueError, match=key):
        SeveralGpus("nowhere", **options)
