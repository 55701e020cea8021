"""The loose checkpoints of the scorers: the rehearsal's builders, and the keys and shapes that are published, as they were read from the files."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from torch import nn

from tpige_kedro.networks.amt_s import AMT_S, AmtS
from tpige_kedro.networks.inception_v3 import INCEPTION_V3, InceptionV3
from tpige_kedro.networks.ir101 import CURRICULAR_FACE, IR101
from tpige_kedro.networks.musiq import MUSIQ_SPAQ, Musiq
from tpige_kedro.rehearsal.layouts import scorers
from tpige_kedro.weights.published import Weights

HERE = Path(__file__).parent
GOLDEN = HERE / "golden" / "metrics"
PUBLISHED: dict[str, tuple[Callable[[], nn.Module], Weights, Path]] = {
    "ir101": (IR101, CURRICULAR_FACE, GOLDEN / "ir101_state_dict.json"),
    "amt_s": (AmtS, AMT_S, GOLDEN / "amt_s_state_dict.json"),
    "musiq": (Musiq, MUSIQ_SPAQ, GOLDEN / "musiq_state_dict.json"),
    "inception_v3": (InceptionV3, INCEPTION_V3, HERE / "inception_v3_state_dict.json"),
}


def published_shapes(name: str) -> dict[str, tuple[int, ...]]:
    """The keys of a published file and their shapes."""
    return {key: tuple(shape) for key, shape, *_ in json.loads(PUBLISHED[name][2].read_text())}


def write_checkpoint(name: str, folder: Path) -> Path:
    """The file under its published name and in its published form, with next to nothing in it."""
    files = [*scorers.face_folder(tiny=True), *scorers.amt(tiny=True), *scorers.musiq(tiny=True)]
    (file,) = [file for file in files if file.name == PUBLISHED[name][1].file]
    path = folder / file.name
    path.parent.mkdir(parents=True, exist_ok=True)
    file.write(path)
    return path
