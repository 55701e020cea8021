"""Files of users and of earlier runs: clips, pictures, the list of samples, item folders."""

from __future__ import annotations

import io
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
from PIL import Image

from tpige_kedro.datasets import ItemFolder, Mp4Dataset, ReferenceFolder, SampleFolder
from tpige_kedro.datasets.pictures import load_reference
from tpige_kedro.execution.work import Job, Outcome, Result, Work
from tpige_kedro.pipelines.prompt_enhancement.samples import check_samples

SAMPLES = """sample_id,person_id,prompt,reference,consent
s1,p1,"A chef, smiling, cooks pasta.",p1.png,granted
s2,p1,A woman reads a book.,p1.png,synthetic
s3,p2,Ein Mann läuft über die Straße.,p2.png,
"""
KEYS = ("vace/a", "vace/b", "phantom/a")


def clips() -> dict[str, bytes]:
    """A second of moving stripes in several containers and codecs, by suffix."""
    codecs = {".mp4": "libx264", ".mkv": "mpeg4", ".webm": "libvpx", ".mov": "mjpeg"}
    return {suffix: _clip(suffix, codec) for suffix, codec in codecs.items()}


def _clip(suffix: str, codec: str) -> bytes:
    pixels = np.arange(64 * 48 * 3, dtype=np.uint32).reshape(48, 64, 3)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / f"clip{suffix}"
        with av.open(str(file), "w") as container:
            stream = container.add_stream(codec, rate=8)
            stream.width, stream.height = 64, 48
            stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
            for i in range(8):
                frame = ((pixels * (i + 1)) % 256).astype(np.uint8)
                container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
            container.mux(stream.encode())
        return file.read_bytes()


def read_clip(suffix: str, data: bytes, work: Path) -> None:
    """Decode it, as scoring does."""
    file = work / f"clip{suffix}"
    file.write_bytes(data)
    clip = Mp4Dataset(filepath=str(file)).load()
    assert clip.frames.dtype == np.uint8
    assert clip.frames.ndim == 4


def pngs() -> dict[str, bytes]:
    """Pictures in several modes."""
    return {mode: _picture(mode, "PNG") for mode in ("RGB", "RGBA", "P", "I;16", "1")}


def jpegs() -> dict[str, bytes]:
    """Colour, grey and CMYK."""
    return {mode: _picture(mode, "JPEG") for mode in ("RGB", "L", "CMYK")}


def _picture(mode: str, suffix: str) -> bytes:
    ramp = np.linspace(0, 255, 48 * 40 * 3).reshape(40, 48, 3).astype(np.uint8)
    picture = Image.fromarray(ramp)
    picture = (
        Image.fromarray(ramp[..., 0].astype(np.uint16) * 257)
        if mode == "I;16"
        else picture.convert(mode)
    )
    buffer = io.BytesIO()
    picture.save(buffer, suffix)
    return buffer.getvalue()


def read_picture(label: str, data: bytes, work: Path) -> None:
    """Open it, as a reference is opened."""
    file = work / "photo.png"
    file.write_bytes(data)
    assert load_reference(file).mode == "RGB"


def tables() -> dict[str, bytes]:
    """Three samples."""
    return {"": SAMPLES.encode()}


def read_samples(label: str, data: bytes, work: Path) -> None:
    """Sort the samples into those that can be used and those that cannot."""
    (work / "references").mkdir()
    for name in ("p1.png", "p2.png"):
        (work / "references" / name).write_bytes(_picture("RGB", "PNG"))
    (work / "samples.csv").write_bytes(data)
    folder = str(work)
    checked, issues = check_samples(
        SampleFolder(path=folder).load(), ReferenceFolder(path=folder).load(), None
    )
    assert set(checked["consent"]) <= {"granted", "synthetic"}
    assert all(issues["sample_id"].str.len() > 0)


def item_files() -> dict[str, bytes]:
    """The files of a finished item folder, by name."""
    with tempfile.TemporaryDirectory() as folder:
        _finish(Path(folder))
        return {str(f.relative_to(folder)): f.read_bytes() for f in _files(Path(folder))}


def _files(folder: Path) -> Iterator[Path]:
    yield from (f for f in folder.rglob("*") if f.is_file())


def _finish(folder: Path) -> ItemFolder:
    items = ItemFolder(path=str(folder / "items"))
    jobs = [Job(key, f"{key} made", None) for key in KEYS]

    def produce(todo: list[Job]) -> Iterator[tuple[Job, Outcome]]:
        for job in todo:
            yield job, Result({"value": job.key})

    items.save(Work("items", jobs, produce))
    return items


def rerun_items(name: str, data: bytes, work: Path) -> None:
    """Damage a file of a finished folder and run again: every item is as before."""
    _finish(work)
    file = work / name
    same = file.read_bytes() == data
    file.write_bytes(data)
    if not same:
        os.utime(file)
    found = ItemFolder(path=str(work / "items")).load().loaded()
    assert all(value == {"value": key} for key, value in found.items())
    again = _finish(work).load().loaded()
    assert again == {key: {"value": key} for key in KEYS}
