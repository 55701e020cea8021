"""What goes to Hailuo and comes from it: the person's picture as a data URL, the clip as frames."""

from __future__ import annotations

import base64
import io

import numpy as np
from PIL import Image

from tpige_kedro.errors import SampleError
from tpige_kedro.video_generators.minimax_api import ServiceError

SHORT_SIDE, LONG_SIDE = (
    320,
    1536,
)  # pixels: the service wants more than 300; more than 1536 only costs upload
WIDEST = 2.5  # documented: from 2:5 to 5:2


def data_url(sample_id: str, picture: Image.Image) -> str:
    """The picture as base64 JPEG in sizes that the service takes; encoded anew, so that no metadata leaves the house."""
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
    """Frames (T, H, W, 3) uint8 RGB and frames per second, as they come. Raises ``ServiceError`` if that is no video."""
    import av

    try:
        with av.open(io.BytesIO(content)) as container:
            stream = container.streams.video[0]
            frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(stream)]
            rate = stream.average_rate
    except (av.error.FFmpegError, IndexError) as error:
        raise ServiceError(f"what was downloaded is no readable video: {error}") from error
    if not frames or not rate:
        raise ServiceError("what was downloaded is a video without frames")
    return np.stack(frames), float(rate)
