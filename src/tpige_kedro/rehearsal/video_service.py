"""Stands in for MiniMax's video service: it takes a task, finishes it at once, and its clip shows the picture that was sent, drifting."""

from __future__ import annotations

import base64
import io
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlsplit

import numpy as np
from PIL import Image

from tpige_kedro.rehearsal.loopback import Answering, serving

FULL, TINY = (1280, 720, 141), (80, 80, 9)  # width, height, frames: S2V-01 makes 720p
FPS = 25.0


@dataclass
class Tasks:
    """The clips by the number of their task, and the size of new ones."""

    size: tuple[int, int, int]
    clips: dict[str, bytes] = field(default_factory=dict)


@contextmanager
def video_stand_in(tiny: bool) -> Iterator[str]:
    """The address of a server that lives as long as the block."""
    tasks = Tasks(TINY if tiny else FULL)
    with serving(type("WithTasks", (Handler,), {"tasks": tasks})) as address:
        yield address


class Handler(Answering):
    """The four calls of the documented protocol: create a task, query its status, find its file, download it."""

    tasks: ClassVar[Tasks]

    def do_POST(self) -> None:
        """A new task."""
        ((subject,),) = [self.asked()["subject_reference"]]
        number = str(len(self.tasks.clips) + 1)
        self.tasks.clips[number] = drifting(picture_in(subject["image"][0]), self.tasks.size)
        self.answer(_ok(task_id=number))

    def do_GET(self) -> None:
        """What became of it."""
        url = urlsplit(self.path)
        asked = {name: values[0] for name, values in parse_qs(url.query).items()}
        if url.path == "/v1/query/video_generation":
            self.answer(_ok(task_id=asked["task_id"], status="Success", file_id=asked["task_id"]))
        elif url.path == "/v1/files/retrieve":
            link = f"http://{self.headers['Host']}/clips/{asked['file_id']}"
            self.answer(_ok(file={"file_id": asked["file_id"], "download_url": link}))
        else:
            self.send(self.tasks.clips[url.path.rpartition("/")[2]], "video/mp4")


def _ok(**content: Any) -> dict[str, Any]:
    return {**content, "base_resp": {"status_code": 0, "status_msg": "success"}}


def picture_in(data_url: str) -> Image.Image:
    """The picture that a request holds."""
    return Image.open(io.BytesIO(base64.b64decode(data_url.partition(",")[2]))).convert("RGB")


def drifting(picture: Image.Image, size: tuple[int, int, int]) -> bytes:
    """An mp4 of the picture, a pixel further to the right in each frame."""
    from tpige_kedro.datasets.mp4 import Clip, Mp4Dataset

    width, height, count = size
    still = np.asarray(picture.resize((width, height)))
    frames = np.stack([np.roll(still, shift, axis=1) for shift in range(count)])
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "clip.mp4"
        Mp4Dataset(filepath=str(file)).save(Clip(frames, FPS))
        return file.read_bytes()
