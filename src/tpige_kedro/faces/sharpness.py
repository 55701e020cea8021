"""How sharp a picture is."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def sharpness(picture: NDArray[np.uint8]) -> float:
    """Variance of the Laplacian of the luma in [-1, 1] (Pech-Pacheco et al. 2000), of a picture (h, w, 3) uint8 RGB.

    In [0, inf), higher is sharper; comparable among pictures of one size.
    """
    import cv2

    luma = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.float64) / 127.5 - 1
    return float(cv2.Laplacian(luma, cv2.CV_64F).var())
