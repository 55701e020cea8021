"""Image editors and the judges of their pictures."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from image_editors.tiny_editors import save_flux_fill, save_lora, save_qwen_image_edit
from makers.pinning import Checkpoints, Pin
from makers.summaries import blurred, of_picture, of_weights, photo
from tiny_buffalo import red_squares
from tpige_kedro.image_editors.ace_plus import AcePlus
from tpige_kedro.image_editors.photo_judge import PhotoJudge
from tpige_kedro.image_editors.protocol import Comparison, EditRequest
from tpige_kedro.image_editors.qwen_image_edit import QwenImageEdit
from tpige_kedro.image_editors.vace_still import VaceStill
from tpige_kedro.mini.identity import MiniIdentity
from tpige_kedro.models import local_path
from video_generators.tiny_wan import OPTIONS, save_vace

SMALL = {"height": 64, "width": 96, "steps": 2, "device": "cpu"}
STILL = {name: value for name, value in OPTIONS.items() if name != "num_frames"}


def drawn(editor: Any, person: int = 1, seed: int = 3) -> dict[str, Any]:
    reference = Image.fromarray(photo(person)[:, :60])
    request = EditRequest("s", "A portrait photo of a king in the rain.", reference, seed)
    ((_, picture),) = editor.edit([request])
    assert isinstance(picture, Image.Image), picture
    return of_picture(picture)


def of_comparison(found: Comparison) -> dict[str, Any]:
    values = asdict(found)
    exact = {key: value for key, value in values.items() if not isinstance(value, float)}
    return {"exact": exact, "close": {k: v for k, v in values.items() if k not in exact}}


def test_ace_plus(pin: Pin, checkpoints: Checkpoints) -> None:
    folder, lora = checkpoints("flux", save_flux_fill), checkpoints("ace", save_lora)
    editor = AcePlus(folder, lora=lora, max_sequence_length=96, **SMALL)
    enlarged = AcePlus(folder, lora=lora, max_sequence_length=96, max_tokens=64, **SMALL)
    pin(AcePlus, {"as it is": drawn(editor), "enlarged": drawn(enlarged)})


def test_qwen_image_edit(
    pin: Pin, checkpoints: Checkpoints, monkeypatch: pytest.MonkeyPatch
) -> None:
    from diffusers.pipelines.qwenimage import pipeline_qwenimage_edit_plus as module

    for size in ("VAE_IMAGE_SIZE", "CONDITION_IMAGE_SIZE"):  # of a megapixel: minutes
        monkeypatch.setattr(module, size, 64 * 64)
    folder = checkpoints("qwen_image_edit", save_qwen_image_edit)
    guided = QwenImageEdit(folder, negative_prompt="rain", **SMALL)
    plain = QwenImageEdit(folder, true_cfg_scale=1.0, **SMALL)
    pin(QwenImageEdit, {"guided": drawn(guided), "not guided": drawn(plain)})


def test_vace_still(pin: Pin, checkpoints: Checkpoints) -> None:
    folder = checkpoints("vace_still", save_vace, **{"encoder.": 3.0, "vace_": 2.0})
    editors = {weight: VaceStill(folder, text_weight=weight, **STILL) for weight in (1.0, 4.0)}
    pin(VaceStill, {f"text weight {weight:g}": drawn(e) for weight, e in editors.items()})


def test_photo_judge(pin: Pin, pack: Path) -> None:
    judge = PhotoJudge(str(pack), device="cpu")
    grain = np.random.RandomState(0).randint(0, 120, (320, 320))

    def face(*cells: tuple[int, int], strength: float = 1.0) -> Image.Image:
        pixels = red_squares(320, 320, list(cells))
        pixels[..., 1] = (pixels[..., 1] + strength * grain).clip(0, 255)
        return Image.fromarray(pixels)

    original = face((4, 4))
    pictures = {"another": face((4, 5), strength=0.3), "none": face(), "two": face((2, 2), (6, 6))}
    pin(PhotoJudge, {k: of_comparison(judge.compare(original, p)) for k, p in pictures.items()})


def test_mini_identity(pin: Pin) -> None:
    folder = str(local_path("data/06_models/mini/face"))
    judge = MiniIdentity(folder, device="cpu")
    pictures = {
        "the same": photo(1),
        "another": photo(2),
        "out of focus": blurred(photo(1)),
        "larger": photo(1, side=160)[:, 10:],
        "nobody": np.full((80, 80, 3), 120, np.uint8),
    }
    original = Image.fromarray(photo(1))
    compared = {name: judge.compare(original, Image.fromarray(p)) for name, p in pictures.items()}
    result = {name: of_comparison(found) for name, found in compared.items()}
    pin(MiniIdentity, {**of_weights(folder), **result})
