"""Which files of a place are on this machine and which must come from the hub, before anything is downloaded."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tpige_kedro.errors import ModelError
from tpige_kedro.weights.hub import known_commit
from tpige_kedro.weights.hub_cache import CachedRepository, HubFile
from tpige_kedro.weights.hub_errors import ELSEWHERE, cache, page
from tpige_kedro.weights.layout import described_files
from tpige_kedro.weights.listing import check_access, known_listing, listed
from tpige_kedro.weights.parts import Part
from tpige_kedro.weights.sources import local_path, resolve_source
from tpige_kedro.weights.wanted import PICKLES, folder_of, implied, takes, unmatched, wanted


@dataclass(frozen=True)
class Remote:
    """A place and what of it is here.

    ``folder`` holds (or will hold) the files, ``commit`` is the hub's, None for a local place. ``wanted`` are all files if that
    is known, ``missing`` those that are still to download, completely or in part.
    """

    place: str
    folder: Path
    commit: str | None = None
    gated: bool = False
    wanted: tuple[HubFile, ...] = ()
    missing: tuple[HubFile, ...] = ()
    cached: bool = False

    @property
    def bytes(self) -> int:
        """How many bytes are still to come, without those of half downloads."""
        repository = CachedRepository.of(self.place)
        return sum(file.size - _here(repository, file) for file in self.missing)

    @property
    def size(self) -> int:
        """How many bytes all of it has, as far as that is known."""
        return sum(file.size for file in self.wanted)


def look(part: Part) -> Remote:
    """What a part still needs: no request where all is here, one to the hub else, and one more where it is gated.

    Raises:
        ModelError: neither here nor to be had; says why and what to do.
    """
    found = remote(part.place, part.revision, part.files)
    if found.gated and found.missing:
        check_access(part.place)
    return found


def remote(place: str, revision: str | None = None, files: Sequence[str] = ()) -> Remote:
    """:func:`look` without asking whether a gate is open."""
    path = local_path(place)
    if path.exists():
        return Remote(place, path, cached=True)
    resolve_source(place)
    return here(place, revision, files) or _on_hub(place, revision, files)


def here(place: str, revision: str | None, files: Sequence[str]) -> Remote | None:
    """The repository if the cache holds all of ``files``: found without asking anybody."""
    repository, commit = CachedRepository.of(place), known_commit(place, revision)
    if commit is None or lacking(repository, commit, files):
        return None
    listing = repository.listing(commit) or {}
    names = tuple(listing[name] for name in wanted(listing, files))
    return Remote(place, repository.snapshot(commit), commit, wanted=names, cached=True)


def lacking(repository: CachedRepository, commit: str, files: Sequence[str]) -> list[str]:
    """What the folder of a commit should have and has not, as its listing says, else as the files that are there say."""
    listing = repository.listing(commit)
    if listing is not None:
        absent = [n for n in wanted(listing, files) if not repository.holds(commit, listing[n])]
        return unmatched(listing, files) + absent
    return lacking_in(repository.snapshot(commit), files)


def lacking_in(folder: Path, files: Sequence[str]) -> list[str]:
    """What a folder should have and has not, as far as patterns and the files that are there say."""
    present, broken = _present(folder)
    if not present:
        return list(files) or ["anything"]
    return [
        *unmatched(present, files),
        *(name for name in wanted(broken, files)),
        *_undescribed(folder, wanted(present, files), files),
    ]


def _present(folder: Path) -> tuple[list[str], list[str]]:
    """The names of the files in a folder, and of links that lead nowhere."""
    whole: list[str] = []
    broken: list[str] = []
    for place, _, names in os.walk(folder):
        for name in names:
            path = Path(place, name)
            kind = whole if path.is_file() else broken
            kind.append(path.relative_to(folder).as_posix())
    return whole, broken


def _undescribed(folder: Path, present: list[str], files: Sequence[str]) -> list[str]:
    """What the folder describes, the patterns ask for, and is not there in any format."""
    pickled = {folder_of(name) for name in present if name.endswith(PICKLES)}
    return [
        name
        for name in {*described_files(folder), *implied(present)} - set(present)
        if takes(name, files) and not (name.endswith(".safetensors") and folder_of(name) in pickled)
    ]


def _on_hub(place: str, revision: str | None, files: Sequence[str]) -> Remote:
    """The repository as the hub lists it."""
    _refuse_offline(place, revision, files)
    repository, commit = CachedRepository.of(place), known_commit(place, revision)
    known = known_listing(place, commit) if commit else None
    listing = known or listed(place, commit or revision)
    if absent := unmatched(listing.files, files):
        raise ModelError(
            f"model source {place!r}: it has no {', '.join(absent)} at {revision or listing.commit[:12]}; compare the entry with "
            f"{page(place)}/tree/{revision or listing.commit}"
        )
    names = tuple(listing.files[name] for name in wanted(listing.files, files))
    missing = tuple(
        f for f in names if not (repository.has(f) or repository.holds(listing.commit, f))
    )
    folder = repository.snapshot(listing.commit)
    return Remote(place, folder, listing.commit, listing.gated, names, missing)


def _refuse_offline(place: str, revision: str | None, files: Sequence[str]) -> None:
    """Say what the cache has instead if the hub must not be asked."""
    from huggingface_hub import constants

    if not constants.HF_HUB_OFFLINE:
        return
    repository, commit = CachedRepository.of(place), known_commit(place, revision)
    commits = [c for c in repository.commits() if c != commit]
    if commit in repository.commits():
        names = lacking(repository, str(commit), files)
        more = f" and {len(names) - 3} more" if len(names) > 3 else ""
        what = f"the cache lacks {', '.join(names[:3])}{more}"
    elif commits:
        what = f"the cache holds other commits ({', '.join(c[:12] for c in commits[:3])}), not {revision or 'main'}"
    else:
        what = "nothing of it is in the cache"
    raise ModelError(
        f"model source {place!r}: {what} ({cache()}), and the hub is not asked because HF_HUB_OFFLINE is set; unset it, {ELSEWHERE}"
    )


def _here(repository: CachedRepository, file: HubFile) -> int:
    """Bytes of a half download."""
    try:
        return min(repository.partial(file).stat().st_size, file.size)
    except OSError:
        return 0
