"""Sets a study aside, with its votes, so that another can be drawn."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from tpige_kedro.errors import TpigeError
from tpige_kedro.study.on_disk import FOLDER, MATERIAL, PAIRS
from tpige_kedro.study.votes_file import FILE, FROM_FILES

EARLIER = "earlier"


def set_aside(data_root: Path) -> Path:
    """Move the pair list and the votes into ``earlier/<n>``, and delete the material, which can be made again.

    Raises:
        TpigeError: there is no study.
    """
    folder = data_root / FOLDER
    if not (folder / PAIRS).is_file():
        raise TpigeError(f"there is no study in {folder}")
    number = 1
    while (target := folder / EARLIER / str(number)).exists():
        number += 1
    target.mkdir(parents=True)
    for name in (FILE, f"{FILE}-wal", f"{FILE}-shm", FROM_FILES, PAIRS):
        if (folder / name).exists():
            os.replace(folder / name, target / name)
    shutil.rmtree(folder / MATERIAL, ignore_errors=True)
    return target
