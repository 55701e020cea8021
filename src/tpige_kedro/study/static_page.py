"""The study as one folder that opens from disk or from any web host: no server, the answers are downloaded as a file."""

from __future__ import annotations

import base64
import hashlib
import os
import shutil
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from tpige_kedro.errors import TpigeError
from tpige_kedro.study.dealing import Dealt, deal
from tpige_kedro.study.names import meaningless
from tpige_kedro.study.on_disk import Current, StudyOnDisk
from tpige_kedro.study.page.asked import other
from tpige_kedro.study.page.render import folder_html, script, style
from tpige_kedro.study.pairs import Pair

DATE = 946_684_800  # the time of every file: 1 January 2000
CLIPS, PICTURES, INDEX = "clips", "pictures", "index.html"


def write_folder(current: Current, folder: Path, lists: int) -> int:
    """Write the page and its files. Returns how many pairs it shows.

    ``lists`` are dealt beforehand, one after the other, so that all pairs are shown about equally often; a browser takes one at
    random, or the one that the link names (``index.html?list=3``). Nothing in the folder says which variant a clip is of, and
    which pairs repeat or test.

    Raises:
        TpigeError: the folder holds something else, or cannot be written.
    """
    if folder.exists() and not (folder.is_dir() and is_ours(folder)):
        raise TpigeError(
            f"--static {folder}: there is something else; name a new or an empty folder"
        )
    study, may = current.study(), current.shown()
    dealt = _dealt(study, may, lists)
    used = {d.pair_id for one in dealt for d in one}
    try:
        for old in (CLIPS, PICTURES):
            shutil.rmtree(folder / old, ignore_errors=True)
        _copy(study, [study.pairs[name] for name in used], folder)
        data = {
            "study": study.study,
            "words": study.about["words"],
            "break_after": study.about["break_after"],
            "lists": [[_shown(study, d) for d in one] for one in dealt],
        }
        _write(folder / INDEX, _page(data).encode())
    except OSError as error:
        raise TpigeError(
            f"--static {folder}: {error.strerror or error}; name another folder"
        ) from error
    return len(used)


def is_ours(folder: Path) -> bool:
    """Whether a folder is empty, or holds a page that was written here before."""
    names = {entry.name for entry in os.scandir(folder)}
    return names <= {CLIPS, PICTURES, INDEX} and (not names or INDEX in names)


def _dealt(study: StudyOnDisk, may: set[str], lists: int) -> list[list[Dealt]]:
    kinds = {
        name: kind
        for name, kind in study.kinds.items()
        if name in may and (not kind.repeats or kind.repeats in may)
    }
    if not kinds:
        raise TpigeError("study: no pair is left that may be shown")
    counts: Counter[str] = Counter()
    found = []
    for number in range(lists):
        rng = np.random.default_rng(int(meaningless(study.study, f"list {number}"), 16))
        found.append(deal(kinds, counts, study.about["pairs_per_rater"], rng))
        counts.update(d.pair_id for d in found[-1])
    return found


def _shown(study: StudyOnDisk, dealt: Dealt) -> dict[str, Any]:
    """A pair as the page gets it: its clips by side, and which of them the table of pairs calls a."""
    pair = study.pairs[dealt.pair_id]
    names = {"a": pair.clip_a, "b": pair.clip_b}
    sides = (dealt.left, other(dealt.left))
    return {
        "pair_id": pair.pair_id,
        "left": dealt.left,
        "clips": [f"{CLIPS}/{names[side]}.mp4" for side in sides],
        "picture": f"{PICTURES}/{pair.reference}.jpg",
        "prompt": study.about["prompts"].get(pair.reference, ""),
    }


def _copy(study: StudyOnDisk, pairs: Iterable[Pair], folder: Path) -> None:
    files: dict[Path, Path] = {}
    for pair in pairs:
        for name in (pair.clip_a, pair.clip_b):
            if (clip := study.clip(name)) is not None:
                files[folder / CLIPS / f"{name}.mp4"] = clip.file
        if (picture := study.picture(pair.reference)) is not None:
            files[folder / PICTURES / f"{pair.reference}.jpg"] = picture
    for target in sorted(files):  # in an order that says nothing
        _write(target, files[target].read_bytes())


def _write(file: Path, content: bytes) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)
    os.utime(file, (DATE, DATE))


def _page(data: dict[str, Any]) -> str:
    text = orjson.dumps(data).decode().replace("<", "\\u003c").replace(">", "\\u003e")
    policy = (
        f"default-src 'none'; script-src {_hash(script('folder_source'))}; style-src {_hash(style())}; img-src 'self' file: data:; "
        "media-src 'self' file:; base-uri 'none'; form-action 'none'"
    )
    return folder_html(data["words"], text, policy)


def _hash(text: str) -> str:
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    return f"'sha256-{digest}'"
