"""Single files with a stable address, for folders that no repository holds as a whole: where each is, and its sha256 if known."""

from __future__ import annotations

import hashlib
import os
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tpige_kedro.errors import ModelError
from tpige_kedro.services.secrets import QUERY
from tpige_kedro.weights.announced import Download, WrongContentError
from tpige_kedro.weights.download import BrokenOffError, bar, download
from tpige_kedro.weights.hub_errors import cache, endpoint
from tpige_kedro.weights.listing import listed

PATIENCE = 20.0  # seconds for an answer without content


@dataclass(frozen=True)
class Published:
    """Where a file is: ``url`` of itself or of a zip file that has it as ``member``, or a hub id as ``repository`` and its ``url`` in it.

    ``sha256``: the hex digits that it begins with, of the file itself; torch puts the first eight into a file's name.
    """

    url: str
    sha256: str = ""
    member: str = ""
    repository: str = ""


BUFFALO = "https://github.com/deepinsight/insightface/releases/download/model-zoo/buffalo_l.zip"
PUBLISHED = {
    "glint360k_curricular_face_r101_backbone.bin": Published(
        "face_encoder/glint360k_curricular_face_r101_backbone.bin",
        repository="BestWishYsh/ConsisID-preview",
    ),
    "inception_v3_google-0cc3c7bd.pth": Published(
        "https://download.pytorch.org/models/inception_v3_google-0cc3c7bd.pth", "0cc3c7bd"
    ),
    "weights-inception-2015-12-05-6726825d.pth": Published(
        "https://github.com/toshas/torch-fidelity/releases/download/v0.2.0/weights-inception-2015-12-05-6726825d.pth",
        "6726825d",
    ),
    "buffalo_l/det_10g.onnx": Published(
        BUFFALO, "5838f7fe053675b1c7a08b633df49e7af5495cee0493c7dcf6697200b85b5b91", "det_10g.onnx"
    ),
    "buffalo_l/w600k_r50.onnx": Published(
        BUFFALO,
        "4c06341c33c2ca1f86781dab0e829f88ad5b64be9fba56e56bc9ebdefc619e43",
        "w600k_r50.onnx",
    ),
}


@dataclass(frozen=True)
class Address:
    """One thing to download into ``folder``, which brings the files ``names`` there; ``size`` in bytes if the server says it."""

    folder: Path
    names: tuple[str, ...]
    url: str
    size: int | None
    digest: tuple[str, str] | None = None

    @property
    def zipped(self) -> bool:
        """Whether the files are in a zip file."""
        return any(PUBLISHED[name].member for name in self.names)

    @property
    def bytes(self) -> int:
        """Bytes still to come."""
        partial = self.partial
        here = partial.stat().st_size if self.size is not None and partial.is_file() else 0
        return max(0, (self.size or 0) - here)

    @property
    def partial(self) -> Path:
        """Where what has come is kept."""
        return self.folder / f".{Path(self.url).name}.incomplete"


def addresses(folder: Path, names: Iterable[str]) -> list[Address]:
    """What to download so that ``folder`` has the files ``names``, all of which are in :data:`PUBLISHED`.

    Raises:
        ModelError: an address does not answer as it should.
    """
    by_place: dict[tuple[str, str], list[str]] = {}
    for name in names:
        by_place.setdefault((PUBLISHED[name].repository, PUBLISHED[name].url), []).append(name)
    return [_address(folder, tuple(found)) for found in by_place.values()]


def _address(folder: Path, names: tuple[str, ...]) -> Address:
    first = PUBLISHED[names[0]]
    if first.repository:
        listing = listed(first.repository)
        file = listing.files.get(first.url)
        if file is None:
            raise ModelError(f"model source {first.repository!r}: it has no {first.url} any more")
        url = f"{endpoint()}/{first.repository}/resolve/{listing.commit}/{first.url}"
        return Address(folder, names, url, file.size, file.digest)
    known = ("sha256", first.sha256) if first.sha256 and not first.member else None
    return Address(folder, names, first.url, _size(first.url, folder, names), known)


def _size(url: str, folder: Path, names: Sequence[str]) -> int | None:
    from huggingface_hub.utils import get_session, hf_raise_for_status

    try:
        answer = get_session().head(
            url, headers={"Accept-Encoding": "identity"}, timeout=PATIENCE, follow_redirects=True
        )
        hf_raise_for_status(answer)
    except Exception as error:
        raise _failed(error, url, folder, names) from error
    length = answer.headers.get("Content-Length", "")
    return int(length) if length.isdigit() else None


def complete_address(address: Address) -> None:
    """Download, check, and unpack.

    Raises:
        ModelError: which file could not be had, why, and where to put it by hand.
    """
    from huggingface_hub.utils import build_hf_headers

    is_hub = address.url.startswith(f"{endpoint()}/")
    whole = address.folder / f".{Path(address.url).name}"
    target = whole if address.zipped else address.folder / address.names[0]
    job = Download(
        target.name.lstrip("."),
        address.url,
        address.partial,
        target,
        address.size,
        address.digest,
        build_hf_headers() if is_hub else {},
    )
    try:
        with _alone(address.url):
            if all((address.folder / name).is_file() for name in address.names):
                return  # another process has brought them meanwhile
            if not whole.is_file():
                with bar(job.name, address.size) as advance:
                    download(job, advance)
            if address.zipped:
                for name in address.names:
                    _unpack(whole, PUBLISHED[name], address.folder / name)
                whole.unlink()
    except Exception as error:
        if address.zipped and isinstance(error, WrongContentError):
            whole.unlink(missing_ok=True)  # it comes again
        raise _failed(error, address.url, address.folder, address.names) from error


@contextmanager
def _alone(url: str) -> Iterator[None]:
    """One process at a time gets what is at an address."""
    from huggingface_hub.utils import WeakFileLock

    lock = Path(cache(), ".locks", "addresses", f"{hashlib.sha256(url.encode()).hexdigest()}.lock")
    lock.parent.mkdir(parents=True, exist_ok=True)
    with WeakFileLock(lock):
        yield


def _unpack(whole: Path, published: Published, target: Path) -> None:
    """One file out of a zip file."""
    try:
        with zipfile.ZipFile(whole) as archive:
            found = [n for n in archive.namelist() if Path(n).name == published.member]
            if not found:
                raise WrongContentError(f"{whole.name.lstrip('.')} has no {published.member}")
            data = archive.read(found[0])
    except (zipfile.BadZipFile, zipfile.LargeZipFile, EOFError, NotImplementedError) as error:
        raise WrongContentError(f"{whole.name.lstrip('.')} is not a zip file ({error})") from error
    digest = hashlib.sha256(data).hexdigest()
    if not digest.startswith(published.sha256):
        raise WrongContentError(
            f"{published.member}: its sha256 is {digest[:12]}… instead of the known {published.sha256[:12]}…"
        )
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{target.name}.incomplete")
    temporary.write_bytes(data)
    os.replace(temporary, target)


def _failed(error: Exception, url: str, folder: Path, names: Sequence[str]) -> ModelError:
    response = getattr(error, "response", None)
    if response is not None:
        why = f"{response.status_code} {response.reason_phrase}"
    elif isinstance(error, OSError):
        why = f"{folder}: {error.strerror or error}"
    else:
        cause = error.__cause__ if isinstance(error, BrokenOffError) else None
        why = f"{error or type(error).__name__}" + (f": {cause}" if cause else "")
    shown = QUERY.sub(r"\1?…", " ".join(why.split()))
    return ModelError(
        f"{', '.join(names)} cannot be downloaded from {url} ({shown}); run the same command again, or download it by hand and put "
        f"{'them' if len(names) > 1 else 'it'} into {folder}"
    )
