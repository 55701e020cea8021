from __future__ import annotations

import numpy as np
from PIL import Image, ImageFilter

from tpige_kedro.faces.sharpness import sharpness


def test_blur_costs_sharpness_and_a_plain_picture_has_none() -> None:
    picture = Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8))
    values = [sharpness(np.asarray(picture.filter(ImageFilter.GaussianBlur(r)))) for r in (0, 1, 3)]
    assert values[0] > values[1] > values[2] > 0
    assert sharpness(np.full((64, 64, 3), 77, np.uint8)) == 0


def test_a_value_by_hand() -> None:
    picture = np.zeros((5, 5, 3), np.uint8)
    picture[2, 2] = 255
    # the Laplacian of one white pixel (2 above its surroundings): -8, four times 2, else 0
    values = np.array([-8, 2, 2, 2, 2, *[0] * 20])
    assert sharpness(picture) == np.float64(values.var())
