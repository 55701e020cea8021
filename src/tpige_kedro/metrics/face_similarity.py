"""Identity metrics from face embeddings: CurScore, ArcScore, the paper's "FID", and what they leave out.

Pure arithmetic: who found the face and made the embedding does not matter here. A frame without a face is ``None``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tpige_kedro.metrics.protocol import Missing

Embedding = NDArray[Any]
LEAST_FACES = 2  # to compare

NO_FRAMES = Missing("no frame could be read")
FACELESS_CLIP = Missing("no face in any frame")
FACELESS_REFERENCE = Missing("no face in the reference picture")


def cosine(a: Embedding, b: Embedding) -> float:
    """Cosine of two vectors (D,), in [-1, 1]; a zero vector is orthogonal to everything."""
    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
    eps = 1e-8  # of torch.cosine_similarity, which the published code calls
    lengths = [max(float(np.linalg.norm(v)), eps) for v in (a, b)]
    return float(a @ b) / (lengths[0] * lengths[1])


def frame_similarities(
    frame_embeddings: Sequence[Embedding | None], reference: Embedding
) -> NDArray[np.float64]:
    """``max(0, cos(frame, reference))`` of every frame with a face, in frame order, in [0, 1]."""
    visible = (e for e in frame_embeddings if e is not None)
    return np.array([max(0.0, cosine(e, reference)) for e in visible], np.float64)


def identity_scores(
    frame_embeddings: Sequence[Embedding | None], reference: Embedding | None, name: str
) -> dict[str, float | Missing]:
    """How much the face in the clip is the one in the reference, by one encoder.

    Args:
        frame_embeddings: one (D,) vector per sampled frame, ``None`` where no face was found.
        reference: the vector (D,) of the person's own photo, ``None`` if no face was found in it.
        name: ``cur_score`` or ``arc_score``; it begins the name of every column.

    Returns:
        In [0, 1], higher is better:

        * ``<name>``: the published score, the mean over frames *with* a face; 0 if no frame has one.
        * ``<name>_missing_as_zero``: the mean over all frames, where a frame without a face counts 0, so that a face
          that vanishes after the first frame costs something.
        * ``<name>_worst_frame``: the least similar frame with a face.

        Everything is missing if the reference has no face: the published code drops such a clip from its means.

    Source: paper section 3.5; the arithmetic is that of the authors' evaluation code.
    """
    columns = (name, f"{name}_missing_as_zero", f"{name}_worst_frame")
    if reference is None or not frame_embeddings:
        return dict.fromkeys(columns, FACELESS_REFERENCE if reference is None else NO_FRAMES)
    similarities = frame_similarities(frame_embeddings, reference)
    if similarities.size == 0:
        return dict(zip(columns, (0.0, 0.0, FACELESS_CLIP), strict=True))
    over_all_frames = float(similarities.sum() / len(frame_embeddings))
    values = (float(similarities.mean()), over_all_frames, float(similarities.min()))
    return dict(zip(columns, values, strict=True))


def identity_spread(frame_embeddings: Sequence[Embedding | None]) -> float | Missing:
    """How much the face changes within a clip: 1 - the mean cosine of any two frames with a face, in [0, 2], lower is better.

    Args:
        frame_embeddings: one (D,) vector per *different* frame, ``None`` where no face was found. A frame that is there twice
            would be compared with itself.

    Returns:
        0 for a face that stays the same; missing with fewer than two faces.

    >>> round(identity_spread([np.array([1.0, 0.0]), None, np.array([0.6, 0.8])]), 6)
    0.4
    """
    seen = [np.asarray(e, np.float64) for e in frame_embeddings if e is not None]
    if len(seen) < LEAST_FACES:
        return Missing(f"needs {LEAST_FACES} frames with a face, the clip has {len(seen)}")
    units = np.stack([e / max(float(np.linalg.norm(e)), 1e-8) for e in seen])
    n = len(units)
    alike = (float((units.sum(axis=0) ** 2).sum()) - float((units**2).sum())) / (n * (n - 1))
    return min(2.0, max(0.0, 1.0 - alike))


def face_rate(frame_embeddings: Sequence[Embedding | None]) -> float | Missing:
    """The share of sampled frames in which a face was found, in [0, 1], higher is better."""
    if not frame_embeddings:
        return NO_FRAMES
    return sum(e is not None for e in frame_embeddings) / len(frame_embeddings)


def multi_face_rate(faces_seen: Sequence[int]) -> float | Missing:
    """The share of sampled frames in which more than one face was found, in [0, 1]; ``faces_seen`` is their number per frame.

    Only the largest face of a frame is compared, so a high value says that the identity scores may be of someone else.
    """
    if not faces_seen:
        return NO_FRAMES
    return sum(seen > 1 for seen in faces_seen) / len(faces_seen)


def face_feature_sqdist(
    frame_features: Sequence[Embedding | None],
    reference: Embedding | None,
    faceless: float | Missing = FACELESS_CLIP,
) -> float | Missing:
    """The squared Euclidean distance between features of the face crops, ``mean_f ||a - b_f||^2``; lower is better.

    This is what the paper calls FID. Its code doubles one activation into two equal rows, whose covariance is zero, so
    that of the Frechet distance only this term is left; nothing about a distribution is measured.

    Args:
        frame_features: one (D,) activation per sampled frame, ``None`` where no face was found (left out of the mean).
        reference: the activation (D,) of the face in the person's own photo.
        faceless: the value of a clip without any face. The published code gives 0.0, the best value there is; pass that
            only to reproduce it.
    """
    if reference is None:
        return FACELESS_REFERENCE
    if not frame_features:
        return NO_FRAMES
    anchor = np.asarray(reference, np.float64)
    distances = [
        float(((np.asarray(f) - anchor) ** 2).sum()) for f in frame_features if f is not None
    ]
    return float(np.mean(distances)) if distances else faceless
