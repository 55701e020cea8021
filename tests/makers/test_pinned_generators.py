"""Video generators: guided by text and by identity, in each form of the weak branch, with and without schedules."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from makers.light_generator import LightGenerator
from makers.pinning import Checkpoints, Pin
from makers.summaries import decoded, of_frames, of_picture, of_tensor, photo
from tpige_kedro.datasets.mp4 import Clip, Mp4Dataset
from tpige_kedro.schemas import Guidance, Schedule
from tpige_kedro.video_generators.hailuo import Hailuo
from tpige_kedro.video_generators.imported import Imported
from tpige_kedro.video_generators.phantom import Phantom
from tpige_kedro.video_generators.protocol import ClipRequest, GeneratedClip, SourceVideo
from tpige_kedro.video_generators.several_gpus import SeveralGpus
from tpige_kedro.video_generators.wan_vace import WanVace
from video_generators.minimax_server import KEY, Account, start
from video_generators.tiny_wan import OPTIONS, save_phantom, save_vace

GUIDED = Guidance(text_weight=4.0, identity_weight=0.5, skip_layers=(2,))
SCHEDULED = Guidance(
    text_weight=4.0,
    identity_weight=0.8,
    skip_layers=(1, 2),
    weak_branch="aligned",
    text_schedule=Schedule(decay="cosine", start=0.1),
    identity_schedule=Schedule(decay="exponential", stop=0.9, rate=2.0),
    reuse_every=2,
)
GAINS = {"encoder.": 3.0, "vace_": 2.0}  # so that references are seen
LINEAR = {"identity_schedule": Schedule(decay="linear", start=0.2)}
SMALL = {**OPTIONS, "steps": 6}
PUBLISHED = {"steps": 3, "sigmas": "reference", "flow_shift": 16.0, "letterbox": "stock"}


def ask(people: tuple[int, ...] = (1,), seed: int = 7, **more: Any) -> ClipRequest:
    pictures = tuple(Image.fromarray(photo(person)[:, :60]) for person in people)
    return ClipRequest("s", "a video of a king waving in the rain", pictures, seed, **more)


def frames_of(generator: Any, request: ClipRequest, guidance: Guidance) -> np.ndarray:
    ((_, clip),) = generator.generate([request], guidance)
    assert isinstance(clip, GeneratedClip), clip
    return clip.frames


def test_vace(pin: Pin, checkpoints: Checkpoints) -> None:
    folder = checkpoints("vace", save_vace, **GAINS)
    generator = WanVace(folder, **SMALL)
    published = WanVace(folder, conditioning_scale=0.9, **{**OPTIONS, **PUBLISHED})
    half = np.zeros((9, 32, 48), np.uint8)
    half[:, :, 24:] = 255
    video = SourceVideo(np.stack([photo(3)[16:48, 16:64]] * 9), half)

    def weak(form: str) -> Guidance:
        return GUIDED.model_copy(update={"weak_branch": form})

    made = {
        "text alone": frames_of(generator, ask(), Guidance(text_weight=4.0)),
        "two references": frames_of(generator, ask((1, 2)), GUIDED),
        "aligned, scheduled, reused": frames_of(generator, ask(), SCHEDULED),
        "blank reference": frames_of(generator, ask(), weak("blank_reference")),
        "plain twin": frames_of(generator, ask(), weak("t2v")),
        "layers alone": frames_of(generator, ask(), weak("with_reference")),
        "published settings": frames_of(published, ask(), GUIDED),
        "half of a video": frames_of(published, ask(source_video=video), GUIDED),
    }
    seen = generator.conditions(ask(), weak("blank_reference"))
    controls = {name: of_tensor(control) for name, control in seen.items() if control is not None}
    pin(WanVace, {**{name: of_frames(frames) for name, frames in made.items()}, **controls})


def test_phantom(pin: Pin, checkpoints: Checkpoints) -> None:
    folders = checkpoints("phantom", save_phantom), checkpoints("vace", save_vace, **GAINS)
    generator = Phantom(folders[0], base=folders[1], **SMALL)
    plain = Phantom(folders[0], base=folders[1], image_scale=1.0, **SMALL)
    made = {
        "text alone": frames_of(generator, ask(), Guidance(text_weight=7.5)),
        "two references": frames_of(generator, ask((1, 2)), GUIDED),
        "scheduled, reused": frames_of(generator, ask(), SCHEDULED),
        "linear": frames_of(generator, ask(), SCHEDULED.model_copy(update=LINEAR)),
        "text to video": frames_of(plain, ask(()), GUIDED),
    }
    pin(Phantom, {name: of_frames(frames) for name, frames in made.items()})


def test_several_gpus(pin: Pin) -> None:
    """Two processes with a generator that needs no network; that they make the clips of one is tested with the real ones."""
    generator = SeveralGpus(
        "somewhere",
        "abc",
        generator=f"{LightGenerator.__module__}.{LightGenerator.__qualname__}",
        gpus=2,
        split="context",
        device="cpu",
        steps=3,
    )
    made = list(generator.generate([ask(), ask(seed=8)], GUIDED))
    generator.close()
    result: dict[str, Any] = {}
    for request, clip in made:
        assert isinstance(clip, GeneratedClip)
        result[f"seed {request.seed}"] = of_frames(clip.frames)
        result["options"] = {"exact": clip.details["options"]}
    pin(SeveralGpus, result)


@pytest.fixture
def account(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Account, str]]:
    """The service on loopback; its clip is a slope of grey that no codec changes much."""
    slope = np.arange(64, dtype=np.uint8)[None, None, :, None] * 3
    frames = (
        np.broadcast_to(slope, (5, 48, 64, 3)) + np.arange(5, dtype=np.uint8)[:, None, None, None]
    )
    Mp4Dataset(filepath=str(tmp_path / "made.mp4")).save(Clip(np.ascontiguousarray(frames), 25))
    monkeypatch.setenv("MINIMAX_API_KEY", KEY)
    monkeypatch.setenv("NO_PROXY", "*")
    service = Account(clip=(tmp_path / "made.mp4").read_bytes())
    server = start(service)
    yield service, f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_hailuo(pin: Pin, account: tuple[Account, str], tmp_path: Path) -> None:

    service, url = account
    generator = Hailuo(base_url=url, journal=str(tmp_path / "tasks"), poll_seconds=0.01)
    frames = frames_of(generator, ask(), Guidance(text_weight=4.0))
    (task,) = service.tasks.values()
    ((subject,),) = [task["body"].pop("subject_reference")]
    sent = {"exact": {**task["body"], "type": subject["type"], "pictures": len(subject["image"])}}
    pin(
        Hailuo,
        {
            "clip": of_frames(frames),
            "what is sent": sent,
            "picture that is sent": of_picture(decoded(subject["image"][0])),
        },
    )


def test_imported(pin: Pin, tmp_path: Path) -> None:
    (tmp_path / "vace").mkdir()
    for name in ("vace/s1.mp4", "s1.mp4"):
        (tmp_path / name).touch()
    found = [Imported(str(tmp_path)), Imported(str(tmp_path), pattern="{sample_id}.mp4")]
    names = [str(clips.find("vace", "s1").relative_to(tmp_path)) for clips in found]
    pin(Imported, {"files": {"exact": names}})
