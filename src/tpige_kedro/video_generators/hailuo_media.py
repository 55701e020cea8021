"""What goes to Hailuo and comes from it: the body of a request with the person's picture, the clip as frames."""

from __future__ import annotations

import base64
import hashlib
import io
from typing import Any

import numpy as np
from PIL import Image

from tpige_kedro.errors import ClipError, SampleError, ServiceError
from tpige_kedro.video_generators.protocol import ClipRequest
from tpige_kedro.video_generators.task_journal import TaskJournal

MAX_PROMPT = 2000  # characters, documented
SHORT_SIDE, LONG_SIDE = (
    320,
    1536,
)  # pixels: the service wants more than 300; more than 1536 only costs upload
MOST_PIXELS = 600_000_000  # of a clip: 11 s of 1920x1080 at 25 frames per second, 1.8 GB decoded
WIDEST = 2.5  # documented: from 2:5 to 5:2


def request_body(request: ClipRequest, model: str, prompt_optimizer: bool) -> dict[str, Any]:
    """The JSON of a task with a subject reference. Raises ``SampleError`` for what the service would not take."""
    if len(request.prompt) > MAX_PROMPT:
        problem = f"hailuo takes prompts of up to {MAX_PROMPT} characters, this one has {len(request.prompt)}"
        raise SampleError(request.sample_id, problem, "shorten it")
    picture = data_url(request.sample_id, request.references[0])
    return {
        "model": model,
        "prompt": request.prompt,
        "prompt_optimizer": prompt_optimizer,
        "subject_reference": [{"type": "character", "image": [picture]}],
    }


def request_key(request: ClipRequest, **sent: Any) -> str:
    """The name of a request in the journal: prompt, pixels of the picture, and what else is sent; not the seed, which is not."""
    picture = request.references[0].convert("RGB")
    pixels = hashlib.sha256(f"{picture.size}".encode() + picture.tobytes()).hexdigest()
    return TaskJournal.key(prompt=request.prompt, reference=pixels, **sent)


def data_url(sample_id: str, picture: Image.Image) -> str:
    """The picture as base64 JPEG in sizes that the service takes; encoded again, so that no metadata leaves the house."""
    width, height = picture.size
    if max(width, height) > WIDEST * min(width, height):
        problem = f"its reference is {width}x{height} pixels, hailuo takes sides from 2:5 to 5:2"
        raise SampleError(sample_id, problem, "crop it around the person")
    scale = max(SHORT_SIDE / min(width, height), min(1.0, LONG_SIDE / max(width, height)))
    size = (round(width * scale), round(height * scale))
    clean = Image.new("RGB", size)  # a picture of its own: EXIF and the like stay with the original
    clean.paste(picture.convert("RGB").resize(size, Image.Resampling.LANCZOS))
    buffer = io.BytesIO()
    clean.save(buffer, format="JPEG", quality=95)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode()


def decode(content: bytes) -> tuple[np.ndarray, float]:
    """Frames (T, H, W, 3) uint8 RGB and frames per second, as a player shows them.

    Raises ``ServiceError`` if that is no video, or more than :data:`MOST_PIXELS`, which is seen before anything is decoded.
    """
    from tpige_kedro.datasets.clip_files.frames import read_frames

    try:
        frames, track = read_frames(io.BytesIO(content), MOST_PIXELS, in_memory=MOST_PIXELS)
    except ClipError as error:
        raise ServiceError(f"what was downloaded {error.problem}") from error
    return np.asarray(frames), track.rate
