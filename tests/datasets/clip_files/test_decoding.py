"""What is opened, which track is taken, and what is refused before it is decoded."""

from __future__ import annotations

import io
import sys
import zipfile
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from kedro.io import DatasetError
from PIL import Image
from written_clips import corners, remux, still, write_video

from tpige_kedro.datasets import Mp4Dataset
from tpige_kedro.datasets.clip_files import tracks
from tpige_kedro.datasets.clip_files.colour import side_data
from tpige_kedro.datasets.clip_files.frames import read_frames
from tpige_kedro.errors import ClipError
from tpige_kedro.video_generators import hailuo_media
from tpige_kedro.video_generators.minimax_api import ServiceError

READ = {
    ".mp4": ("libx264", "yuv420p"),
    ".mov": ("libx264", "yuv420p"),
    ".m4v": ("libx264", "yuv420p"),
    ".3gp": ("libx264", "yuv420p"),
    ".mkv": ("libx264", "yuv420p"),
    ".webm": ("libvpx-vp9", "yuv420p"),
    ".avi": ("mpeg4", "yuv420p"),
    ".ts": ("libx264", "yuv420p"),
    ".flv": ("libx264", "yuv420p"),
    ".wmv": ("wmv2", "yuv420p"),
    ".mpg": ("mpeg2video", "yuv420p"),
    ".nut": ("ffv1", "yuv420p"),
    ".ivf": ("libvpx", "yuv420p"),
    ".gif": ("gif", "rgb8"),
    ".apng": ("apng", "rgb24"),
    ".y4m": ("wrapped_avframe", "yuv420p"),
}


@pytest.mark.parametrize("suffix", READ)
def test_every_container_is_read_by_its_content(tmp_path: Path, suffix: str) -> None:
    codec, pix_fmt = READ[suffix]
    moving = np.stack([np.roll(corners(), 4 * i, axis=1) for i in range(6)])
    file = write_video(tmp_path / f"a{suffix}", moving, codec, pix_fmt)
    copy = tmp_path / "taken.mp4"  # imported clips are kept under this name
    copy.write_bytes(file.read_bytes())
    clip = Mp4Dataset(filepath=str(copy)).load()
    assert len(clip.frames) in {5, 6} and clip.frames.shape[1:] == (48, 64, 3)
    assert clip.fps == pytest.approx(8, abs=0.5)
    assert np.abs(clip.frames[0].astype(int) - corners())[4:-4, 4:-4].mean() < 25


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv"])
@pytest.mark.parametrize("default", [0, 1, None])
def test_a_still_beside_a_film_is_not_the_clip(
    tmp_path: Path, suffix: str, default: int | None
) -> None:
    cover = write_video(tmp_path / "c.mp4", still(corners(128, 96), 1), "mjpeg", "yuvj420p")
    film = write_video(tmp_path / "f.mp4", still(corners(), 5))
    frames, _ = read_frames(remux(film, tmp_path / f"a{suffix}", also=cover, default=default))
    assert frames.shape == (5, 48, 64, 3)


def test_the_default_film_is_taken_and_then_the_larger(tmp_path: Path) -> None:
    small = write_video(tmp_path / "s.mp4", still(corners(), 5))
    large = write_video(tmp_path / "l.mp4", still(corners(128, 96), 5))
    for default, width in ((0, 64), (1, 128), (None, 128)):
        file = remux(large, tmp_path / f"{default}.mkv", also=small, default=default)
        assert read_frames(file)[0].shape[2] == width


def test_a_still_alone_is_a_clip_of_one_frame(tmp_path: Path) -> None:
    file = write_video(tmp_path / "a.mp4", still(corners(), 1))
    assert read_frames(file)[0].shape == (1, 48, 64, 3)


def png(file: Path) -> None:
    Image.fromarray(corners()).save(file, "PNG")


def archive(file: Path) -> None:
    with zipfile.ZipFile(file, "w") as out:
        out.writestr("clip.mp4", b"x")


DISGUISED = {
    "playlist": "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{other}\n#EXT-X-ENDLIST\n",
    "list of files": "ffconcat version 1.0\nfile '{other}'\n",
    "session": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 96\n"
    "a=rtpmap:96 H264/90000\n",
    "subtitles": "1\n00:00:01,000 --> 00:00:02,000\nhello\n",
    "web page": "<!doctype html><html><body>404 not found</body></html>",
    "dash": '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011"><BaseURL>{other}</BaseURL></MPD>',
    "text": "no clip at all",
    "pointer": "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n",
    "nothing": "",
    "zeros": "\0" * 4096,
}


@pytest.mark.parametrize("kind", [*DISGUISED, "picture", "jpeg", "archive", "folder", "absent"])
def test_what_is_no_video_is_refused_and_opens_nothing_else(tmp_path: Path, kind: str) -> None:
    other = write_video(tmp_path / "other.mp4", still(corners()))
    file = tmp_path / "clip.mp4"
    if kind in DISGUISED:
        file.write_text(DISGUISED[kind].format(other=other))
    elif kind == "picture":
        png(file)
    elif kind == "jpeg":
        Image.fromarray(corners()).save(file, "JPEG")
    elif kind == "archive":
        archive(file)
    elif kind == "folder":
        file.mkdir()
    with pytest.raises(DatasetError, match=r"clip\.mp4 is not a readable clip: .*; delete it"):
        Mp4Dataset(filepath=str(file)).load()


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".webm", ".avi", ".mov"])
def test_a_file_that_is_cut_off_is_refused_wherever_it_is_cut(tmp_path: Path, suffix: str) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (12, 12, 16, 3)).astype(np.uint8)
    frames = noise.repeat(4, axis=1).repeat(4, axis=2)
    codec = {".webm": "libvpx-vp9", ".avi": "mpeg4"}.get(suffix, "libx264")
    first = write_video(tmp_path / f"whole{suffix}", frames, codec)
    if suffix == ".mp4":  # the index in front, as our own clips have it
        first = fast_start(first, tmp_path / "front.mp4")
    data = first.read_bytes()
    assert len(read_frames(first)[0]) == 12
    for share in (0.02, 0.2, 0.5, 0.8, 0.95):
        file = tmp_path / f"cut{suffix}"
        file.write_bytes(data[: int(len(data) * share)])
        with pytest.raises(ClipError, match=r"is not a readable clip|has no frames"):
            read_frames(file)


def fast_start(source: Path, file: Path) -> Path:
    with av.open(str(source)) as given:
        out = av.open(str(file), "w", options={"movflags": "+faststart"})
        with out:
            stream = out.add_stream_from_template(given.streams.video[0])
            for packet in given.demux(video=0):
                if packet.dts is not None:
                    packet.stream = stream
                    out.mux(packet)
    return file


@pytest.fixture
def no_decoding(monkeypatch: pytest.MonkeyPatch) -> None:
    def decoded(*_: object) -> None:
        raise AssertionError("decoded before the limits were checked")

    monkeypatch.setattr("tpige_kedro.datasets.clip_files.frames.decoded", decoded)


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".webm", ".avi", ".ts"])
@pytest.mark.usefixtures("no_decoding")
def test_limits_are_checked_by_headers_and_packets(
    tmp_path: Path, suffix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    codec = {".webm": "libvpx-vp9", ".avi": "mpeg4"}.get(suffix, "libx264")
    file = write_video(tmp_path / f"a{suffix}", still(corners(), 12), codec)
    with pytest.raises(ClipError, match=r"12 frames of 64x48 pixels; the limits .* in all; cut it"):
        read_frames(file, most_pixels=11 * 64 * 48)
    monkeypatch.setattr(tracks, "MOST_FRAMES", 11)
    with pytest.raises(ClipError, match="is too large: 12 frames"):
        read_frames(file)


@pytest.mark.usefixtures("no_decoding")
def test_a_bomb_is_refused_by_its_header(tmp_path: Path) -> None:
    large = np.zeros((1, 2400, 4000, 3), np.uint8)
    file = write_video(tmp_path / "a.mp4", large, "mpeg4")
    with pytest.raises(DatasetError, match=r"a\.mp4 is too large: 1 frames of 4000x2400 pixels"):
        Mp4Dataset(filepath=str(file)).load()
    with pytest.raises(ServiceError, match="what was downloaded is too large"):
        hailuo_media.decode(file.read_bytes())
    wide = write_video(tmp_path / "b.mp4", still(corners(1024, 512), 2), aspect=Fraction(32, 1))
    with pytest.raises(ClipError, match="is too large: 2 frames of 32768x512"):
        read_frames(wide)


def growing(file: Path, sides: tuple[int, int]) -> Path:
    """A transport stream whose frames become larger than its first ones say."""
    with av.open(str(file), "w") as out:
        target, shown = None, 0
        for side in sides:
            part = write_video(file.with_name(f"{side}.mp4"), still(corners(side, side)))
            with av.open(str(part)) as given:
                stream = given.streams.video[0]
                target = target or out.add_stream_from_template(stream)
                annex_b = av.bitstream.BitStreamFilterContext("h264_mp4toannexb", stream)
                for packet in (q for p in given.demux(stream) for q in annex_b.filter(p)):
                    if packet.size:
                        packet.stream = target
                        packet.pts = packet.dts = int(shown / 8 / packet.time_base)
                        shown += 1
                        out.mux(packet)
    return file


def test_frames_that_outgrow_their_header_stop_the_decoding(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = growing(tmp_path / "a.ts", (64, 512))
    with pytest.raises(ClipError, match=r"changes \(64x64, 512x512\); encode it again"):
        read_frames(file)
    monkeypatch.setattr(tracks, "LARGEST_FRAME", 64 * 64)
    with pytest.raises(ClipError, match=r"is not a readable clip|is too large"):
        read_frames(file)


def test_a_download_is_decoded_as_a_player_shows_it(tmp_path: Path) -> None:
    turned = (0, 1 << 16, 0, -1 << 16, 0, 0, 0, 0, 1 << 30)
    file = write_video(tmp_path / "a.mp4", still(corners(), 3), matrix=turned)
    frames, fps = hailuo_media.decode(file.read_bytes())
    assert frames.shape == (3, 64, 48, 3) and fps == 8
    np.testing.assert_array_equal(frames, read_frames(file)[0])
    with pytest.raises(ServiceError, match="what was downloaded is not a readable clip"):
        hailuo_media.decode(b"no clip")
    assert read_frames(io.BytesIO(file.read_bytes()))[0].shape == (3, 64, 48, 3)


def test_side_data_is_read_without_keeping_the_frame(tmp_path: Path) -> None:
    turned = (0, 1 << 16, 0, -1 << 16, 0, 0, 0, 0, 1 << 30)
    file = write_video(tmp_path / "a.mp4", still(corners(), 1), matrix=turned)
    with av.open(str(file)) as container:
        (frame,) = container.decode(video=0)
    before = sys.getrefcount(frame)
    assert len(side_data(frame)["DISPLAYMATRIX"]) == 36
    assert sys.getrefcount(frame) == before


def test_an_interlaced_clip_is_named(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    options = {"flags": "+ildct+ilme"}
    file = write_video(tmp_path / "a.mpg", still(corners(), 3), "mpeg2video", **options)
    read_frames(file)
    assert "a.mpg is interlaced" in caplog.text and "bwdif" in caplog.text
