"""A recipe and a clip that carries it, for tests."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np

from tpige_kedro.datasets.mp4_encoding import encode_clip
from tpige_kedro.provenance.recipe import Recipe
from tpige_kedro.schemas import Provenance

FRAMES = np.random.default_rng(0).integers(0, 256, (5, 32, 48, 3)).astype(np.uint8)
CONTENT: dict[str, Any] = {
    "recipe": 1,
    "sample_id": "s1",
    "variant": "vace_pe",
    "model": {
        "name": "mini_vace",
        "type": "a.b.Generator",
        "version": 2,
        "source": "owner/name",
        "revision": "ab" * 20,
        "options": {"steps": 20, "negative_prompt": {"sha256": "0" * 64}},
        "parts": {"loras": [{"source": None, "revision": "cd" * 32, "scale": 0.5}]},
        "runs": {},
    },
    "prompt": "Ein Koch läuft <schnell> & 'singt' \"laut\" \U0001f373\\.",
    "references": [{"source": "original", "hash": "ef" * 16}],
    "seed": 2**63 - 1,
    "guidance": {"identity_weight": 0.5, "skip_layers": [2]},
    "frames": 5,
    "height": 32,
    "width": 48,
    "fps": 8.0,
    "crf": 12,
    "frames_hash": hashlib.sha256(b"frames").hexdigest(),
    "environment": {
        "commit": "12" * 20,
        "dirty": False,
        "tpige_kedro": "0.1.0",
        "python": "3.11.7",
        "torch": "2.9.0",
        "diffusers": None,
        "transformers": None,
        "device": "cpu",
        "threads": 1,
    },
}


def recipe(**changes: Any) -> Recipe:
    return Recipe.model_validate_json(json.dumps({**CONTENT, **changes}))


def clip_with(text: str, file: Path) -> Path:
    """A real clip that says ``text`` of its making; none if it is empty."""
    made = encode_clip([FRAMES], FRAMES.shape, 8, "x", Provenance(), recipe=lambda: text)
    file.write_bytes(made.content)
    return file
