"""What ``kedro export`` packs: the files that the report links, as they lie below the data root, and a page that opens it."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from click import ClickException

from tpige_kedro.commands.without_paths import Cleaner
from tpige_kedro.pipelines.reporting.gallery import read_gallery

REPORT = "08_reporting"
KINDS = ("page", "clip", "picture", "file")
TEXTS = ("report.html", "gallery.html", "gallery_data.js")
INDEX = f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Results</title>
<meta http-equiv="refresh" content="0; url={REPORT}/report.html"></head>
<body><p><a href="{REPORT}/report.html">Open the report</a></p></body></html>
"""
SHOWN = 3  # names in one line
MISSING = "run kedro run --pipelines=reporting, or --pipelines=full if there are no clips yet"


@dataclass(frozen=True)
class Part:
    """A file of the zip: its name there, what it counts as, and its bytes, or the file that has them.

    The text in a file goes through ``clean``, where there is one.
    """

    name: str
    kind: str
    source: bytes | Path
    clean: Cleaner | None = field(default=None, repr=False)

    @property
    def size(self) -> int:
        """Its size before packing."""
        return len(self.source) if isinstance(self.source, bytes) else self.source.stat().st_size

    def content(self) -> bytes:
        """What goes into the zip. Raises ``ClickException`` if its file went away in the meantime."""
        if isinstance(self.source, bytes):
            return self.source
        try:
            data = self.source.read_bytes()
        except OSError as error:
            raise ClickException(
                f"{self.source} cannot be read: {error.strerror}; if a run is writing here, wait until it ends and export again"
            ) from error
        return self.clean(data.decode()).encode() if self.clean else data


def listed_samples(root: Path) -> list[str]:
    """The samples that the gallery below a data root shows."""
    return [sample[0] for sample in gallery_of(root)["samples"]]


def gallery_of(root: Path) -> dict[str, Any]:
    """The data of the gallery. Raises ``ClickException`` if there is none."""
    file = root / REPORT / "gallery_data.js"
    try:
        return read_gallery(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise ClickException(f"there is no gallery in {file.parent}; {MISSING}") from error
    except ValueError as error:
        raise ClickException(f"{file} is damaged: {error}; {MISSING}") from error


def collect(root: Path, roots: Sequence[Path]) -> list[Part]:
    """All parts of the report below a data root; ``roots`` are folders of this machine that no text may name.

    Raises:
        ClickException: a text or a clip is missing, or clips are linked that lie elsewhere.
    """
    gallery, clean = gallery_of(root), Cleaner(roots)
    report = root / REPORT
    parts = [Part("index.html", "page", INDEX.encode())]
    for name in TEXTS:
        kind = "page" if name.endswith(".html") else "file"
        parts.append(Part(f"{REPORT}/{name}", kind, _there(report / name), clean))
    for sample in gallery["samples"]:
        page = report / gallery["links"]["page"].format(sample_id=sample[0])
        if page.is_file():  # the report says why one has none
            parts.append(Part(_inside(root, page), "page", page, clean))
    absent = []
    for variant, sample in _shown(gallery):
        of = {"variant": variant, "sample_id": sample}
        clip, strip = (report / gallery["links"][kind].format(**of) for kind in ("clip", "strip"))
        name = _inside(root, clip)
        if clip.is_file():
            parts.append(Part(name, "clip", clip))
        else:
            absent.append(name)
        if strip.is_file():
            parts.append(Part(_inside(root, strip), "picture", strip))
    if absent:
        more = f" and {len(absent) - SHOWN} more" if len(absent) > SHOWN else ""
        names = ", ".join(absent[:SHOWN])
        raise ClickException(
            f"clips are missing in {root}: {names}{more}; put them back, or run again"
        )
    return parts


def _shown(gallery: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """The clips that have a picture and a player: those with scores."""
    for variant, scores in gallery["scores"].items():
        for sample, values in zip(gallery["samples"], scores, strict=True):
            if values is not None:
                yield variant, sample[0]


def _there(file: Path) -> Path:
    if not file.is_file():
        raise ClickException(f"{file} is missing; {MISSING}")
    return file


def _inside(root: Path, file: Path) -> str:
    """The path below the data root, which the links in the pages keep."""
    name = Path(os.path.relpath(os.path.normpath(file), root)).as_posix()
    if name.startswith("../"):
        raise ClickException(
            f"reporting.clip_link or page_link points outside of {root}, to {name}: only files inside it can be packed"
        )
    return name
