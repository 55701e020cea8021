"""Frechet and kernel distance between two sets of face crops: what "FID" should mean, next to what the paper prints as FID.

These are properties of a variant, not of a clip: all aligned face crops of its clips against those of the references.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tpige_kedro.errors import ModelError, first_line
from tpige_kedro.metrics.protocol import Missing
from tpige_kedro.weights.published import Weights, find_weights

Crops = Iterable[NDArray[np.uint8]]  # each (H, W, 3) RGB, all of one size
Features = Callable[[NDArray[np.uint8]], NDArray[Any]]  # crops (N, H, W, 3) to vectors (N, D)

BATCH = 64
LEAST = 2  # a covariance needs two
FID_INCEPTION = Weights(
    "weights-inception-2015-12-05-6726825d.pth",
    "https://github.com/toshas/torch-fidelity/releases/tag/v0.2.0",
    "Apache-2.0",
)


def frechet_distance(x: NDArray[Any], y: NDArray[Any]) -> float:
    """The Frechet distance of the normal distributions fitted to two sets (N, D) and (M, D), in [0, inf), lower is better.

    ``|mu_x - mu_y|^2 + tr(S_x + S_y - 2 (S_x^1/2 S_y S_x^1/2)^1/2)`` in double precision, covariances divided by N - 1.
    Biased upwards for few samples; full rank only from N = D + 1 on.

    Source: M. Heusel et al., "GANs Trained by a Two Time-Scale Update Rule" (2017), equation 6.
    """
    x, y = np.asarray(x, np.float64), np.asarray(y, np.float64)
    cov_x, cov_y = np.atleast_2d(np.cov(x, rowvar=False)), np.atleast_2d(np.cov(y, rowvar=False))
    values, vectors = np.linalg.eigh(cov_x)
    root = (vectors * np.sqrt(values.clip(0))) @ vectors.T
    shared = np.sqrt(np.linalg.eigvalsh(root @ cov_y @ root).clip(0)).sum()
    apart = float(((x.mean(axis=0) - y.mean(axis=0)) ** 2).sum())
    return max(0.0, apart + float(np.trace(cov_x) + np.trace(cov_y) - 2 * shared))


def kernel_distance(x: NDArray[Any], y: NDArray[Any]) -> float:
    """The squared maximum mean discrepancy of two sets (N, D) and (M, D) under the kernel ``(a.b / D + 1)^3``; lower is better.

    Unbiased also for few samples, so that equal distributions give values around zero, negative ones too. All pairs are used
    at once instead of random subsets: the same sets give the same value.

    Source: M. Binkowski et al., "Demystifying MMD GANs" (2018), section 4 (KID).
    """
    x, y = np.asarray(x, np.float64), np.asarray(y, np.float64)

    def kernel(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
        values: NDArray[np.float64] = (a @ b.T / a.shape[1] + 1) ** 3
        return values

    def within(a: NDArray[np.float64]) -> float:
        similar = kernel(a, a)
        return float((similar.sum() - np.trace(similar)) / (len(a) * (len(a) - 1)))

    return within(x) + within(y) - 2 * float(kernel(x, y).mean())


def batches(crops: Crops) -> Iterator[NDArray[np.uint8]]:
    """Stacks (N, H, W, 3) of up to 64 crops, so that a large set is never in memory as pictures."""
    rest = iter(crops)
    while part := list(islice(rest, BATCH)):
        yield np.stack(part)


def set_level_scores(
    variant_crops: Crops, reference_crops: Crops, features: Features
) -> dict[str, float | Missing]:
    """``face_fid`` and ``face_kid`` of a variant, and the sizes of the two sets.

    Args:
        variant_crops: the aligned face crops of all its clips' sampled frames; frames without a face have none.
        reference_crops: those of the references, each person once.
        features: usually :class:`InceptionFeatures`.

    Returns:
        The distances, missing where a set has fewer than two crops, with ``face_crops`` and ``reference_crops``, the counts.
        With fewer crops than features (2048) prefer ``face_kid``.
    """
    found = [
        [features(part) for part in batches(crops)] for crops in (variant_crops, reference_crops)
    ]
    counts = [sum(map(len, parts)) for parts in found]
    sizes = dict(zip(("face_crops", "reference_crops"), map(float, counts), strict=True))
    if min(counts) < LEAST:
        few = Missing(
            f"needs {LEAST} face crops on both sides, there are {counts[0]} of clips and {counts[1]} of references"
        )
        return {"face_fid": few, "face_kid": few, **sizes}
    x, y = map(np.concatenate, found)
    return {"face_fid": frechet_distance(x, y), "face_kid": kernel_distance(x, y), **sizes}


class InceptionFeatures:
    """The 2048 features of the Inception network that FID is defined with, through torch-fidelity (the extra ``fid``).

    ``source`` is the file of :data:`FID_INCEPTION`; crops are brought to 299x299 as TensorFlow 1 did.
    """

    def __init__(self, source: str, revision: str | None = None, device: str | None = None) -> None:
        from tpige_kedro.networks.devices import pick_device

        extractor = import_extractor()
        file = check_weights(source, revision)
        self.device = pick_device(device)
        try:
            network = extractor("inception", ["2048"], feature_extractor_weights_path=str(file))
        except (RuntimeError, KeyError) as error:  # it loads strictly
            raise ModelError(
                f"{file} does not hold a complete {extractor.__name__} ({first_line(error)}); {FID_INCEPTION.how_to_get(file.parent)}"
            ) from error
        self.network: Any = network.to(self.device)

    def __call__(self, crops: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Vectors (N, 2048) of crops (N, H, W, 3) uint8 RGB."""
        import torch

        pictures = torch.from_numpy(np.ascontiguousarray(crops.transpose(0, 3, 1, 2)))
        vectors: NDArray[np.float32] = self.network(pictures.to(self.device))[0].cpu().numpy()
        return vectors


def import_extractor() -> Any:
    """The network's class. Raises :class:`ModelError` that names the extra if torch-fidelity cannot be imported.

    A torchvision built for another torch raises RuntimeError when it is imported.
    """
    try:
        from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3
    except (ImportError, RuntimeError) as error:
        raise ModelError(
            f"face_fid and face_kid need torch-fidelity and a torchvision that fits torch ({error}); "
            "install them with `pip install tpige_kedro[fid]`"
        ) from error
    return FeatureExtractorInceptionV3


def check_weights(source: str | Path, revision: str | None = None) -> Path:
    """The file, which holds nothing but tensors; torch-fidelity would unpickle it unchecked. Raises :class:`ModelError`."""
    import pickle

    import torch

    file = find_weights(source, FID_INCEPTION, revision)
    try:
        torch.load(file, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError) as error:
        raise ModelError(
            f"{file} is not a plain state dict ({first_line(error)}); {FID_INCEPTION.how_to_get(file.parent)}"
        ) from error
    return file
