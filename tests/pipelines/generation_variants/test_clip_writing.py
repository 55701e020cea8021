"""Clips are compressed and saved behind the generator: the same bytes, the same order, and each failure stays with its clip."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from clip_stage import MODEL, SAMPLES, Stage

from tpige_kedro.datasets import Clip, Mp4Dataset
from tpige_kedro.datasets.mp4_encoding import EncodedClip, encode_clip
from tpige_kedro.errors import SampleError
from tpige_kedro.execution.work import Result
from tpige_kedro.files.errors import DatasetError
from tpige_kedro.pipelines.generation_variants import writing
from tpige_kedro.pipelines.generation_variants.writing import ClipWriter
from tpige_kedro.schemas import Guidance, Provenance
from tpige_kedro.video_generators.arriving import ArrivingFrames
from tpige_kedro.video_generators.protocol import ClipRequest, GeneratedClip

FRAMES = np.random.default_rng(0).integers(0, 255, (9, 4, 6, 3), np.uint8)
FRAMES = FRAMES.repeat(8, axis=1).repeat(8, axis=2)
GROUPS = {"as decoded": [1, 4, 4], "whole": [9], "single": [1] * 9}
Outcomes = Iterator[tuple[ClipRequest, GeneratedClip | Exception]]


def in_groups(frames: np.ndarray, sizes: Sequence[int]) -> Iterator[np.ndarray]:
    yield from np.split(frames, np.cumsum(sizes)[:-1])


class Streaming:
    """Clips whose frames come in groups; what a sample's clip is like, its id says."""

    version: ClassVar[int] = 1
    root: ClassVar[Path]
    committed: ClassVar[list[list[str]]]

    def __init__(self, **_: Any) -> None:
        type(self).committed = []

    def generate(self, requests: Sequence[ClipRequest], guidance: Guidance) -> Outcomes:
        for number, request in enumerate(requests):
            if number:  # as long as sampling takes: the clip before is saved meanwhile
                before = self.root / "clips" / "v" / f"{requests[number - 1].sample_id}.json"
                wait_for(before.exists)
            self.committed.append(sorted(f.stem for f in self.root.glob("clips/v/*.json")))
            yield request, self.clip(request.sample_id)

    def clip(self, sample: str) -> GeneratedClip:
        frames = FRAMES[:, :31] if sample == "odd" else FRAMES

        def compute() -> Iterator[np.ndarray]:
            yield from in_groups(frames[: 5 if sample == "short" else 9], [1, 4])
            if sample == "broken":
                raise SampleError(sample, "out of GPU memory", "make it smaller")

        return GeneratedClip(ArrivingFrames(frames.shape, compute), 8, {"seconds": 1.5})


def wait_for(condition: Any) -> None:
    pause = threading.Event()
    for _ in range(6000):
        if condition():
            return
        pause.wait(0.01)
    raise AssertionError("it never came")


def run(stage: Stage, *samples: str) -> Any:
    Streaming.root = stage.root
    model = MODEL.model_copy(update={"type": f"{__name__}.Streaming"})
    table = SAMPLES.loc[[0] * len(samples)].assign(sample_id=samples, person_id="p")
    return stage.run(models={"m": model}, samples=table.reset_index(drop=True))


@pytest.mark.parametrize("sizes", GROUPS.values(), ids=GROUPS)
@pytest.mark.parametrize("provenance", [None, Provenance()], ids=["plain", "marked"])
def test_frames_that_arrive_in_groups_give_the_bytes_of_the_whole(
    tmp_path: Path, sizes: list[int], provenance: Provenance | None
) -> None:
    whole, streamed = (Mp4Dataset(filepath=str(tmp_path / name)) for name in ("a.mp4", "b.mp4"))
    whole.save(Clip(FRAMES, 8, "läuft", provenance))
    streamed.save(encode_clip(in_groups(FRAMES, sizes), FRAMES.shape, 8, "läuft", provenance))
    assert (tmp_path / "a.mp4").read_bytes() == (tmp_path / "b.mp4").read_bytes()


def test_a_clip_is_saved_while_the_next_is_sampled(stage: Stage) -> None:
    items = run(stage, "a", "b", "c")
    assert list(items) == ["v/a", "v/b", "v/c"]
    assert Streaming.committed == [[], ["a"], ["a", "b"]]
    record = items["v/c"].record()
    assert (record["frames"], record["seconds"]) == (9, 1.5)
    times = [item.record()["output"]["mtime_ns"] for item in items.values()]
    assert times == sorted(times)


@pytest.mark.parametrize(
    ("sample", "problem"),
    [("odd", "even width and height"), ("short", "5 frames"), ("broken", "out of GPU memory")],
)
@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_clip_that_cannot_be_written_fails_alone(
    stage: Stage, sample: str, problem: str, place: int
) -> None:
    names = ["a", "b"]
    names.insert(place, sample)
    items = run(stage, *names)
    assert list(items) == ["v/a", "v/b"]
    assert problem in items.failures[f"v/{sample}"].message
    assert not list(stage.root.rglob(f"{sample}.mp4"))


def test_a_stop_among_the_frames_saves_nothing_of_that_clip(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    clip = Streaming.clip

    def stopped(self: Streaming, sample: str) -> GeneratedClip:
        def compute() -> Iterator[np.ndarray]:
            yield FRAMES[:1]
            raise KeyboardInterrupt

        made = GeneratedClip(ArrivingFrames(FRAMES.shape, compute), 8)
        return made if sample == "b" else clip(self, sample)

    monkeypatch.setattr(Streaming, "clip", stopped)
    with pytest.raises(KeyboardInterrupt):
        run(stage, "a", "b", "c")
    assert list(stage.folder.load()) == ["v/a"]


def test_at_most_one_clip_waits_behind_the_one_that_is_compressed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    let, waiting = threading.Semaphore(0), []

    def slow(groups: Iterator[np.ndarray], *facts: Any) -> EncodedClip:
        let.acquire()
        return encode_clip(groups, *facts)

    monkeypatch.setattr(writing, "encode_clip", slow)
    writer = ClipWriter(Provenance())

    def write() -> None:
        for _ in range(3):
            made = GeneratedClip(FRAMES, 8)
            waiting.append(writer.write(made, "t", lambda encoded, _: Result(encoded)))

    maker = threading.Thread(target=write)
    maker.start()
    for done in range(3):
        wait_for(lambda done=done: len(waiting) == min(done + 1, 3))
        maker.join(0.05)
        assert len(waiting) == min(done + 1, 3)
        assert not waiting[-1].done()
        let.release()
    maker.join()
    results = [future.result() for future in waiting]
    writer.close()
    assert all(isinstance(result, Result) for result in results)


def test_bytes_that_are_not_those_encoded_and_another_quality_are_refused(tmp_path: Path) -> None:
    clip = encode_clip([FRAMES], FRAMES.shape, 8)
    changed = EncodedClip(clip.content[:-1], clip.sha256, clip.shape)
    with pytest.raises(DatasetError, match=r"a\.mp4.*bytes"):
        Mp4Dataset(filepath=str(tmp_path / "a.mp4")).save(changed)
    with pytest.raises(DatasetError, match="remove crf"):
        Mp4Dataset(filepath=str(tmp_path / "a.mp4"), crf=18).save(clip)
    Mp4Dataset(filepath=str(tmp_path / "a.mp4"), crf=12).save(clip)
