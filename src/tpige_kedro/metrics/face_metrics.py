"""All identity metrics of a clip from one look at its faces."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from tpige_kedro.execution.threads import processors
from tpige_kedro.faces.finding import FoundFace, find_face
from tpige_kedro.faces.protocol import FaceModels, Picture
from tpige_kedro.metrics.face_similarity import (
    NO_FRAMES,
    Embedding,
    face_feature_sqdist,
    face_rate,
    identity_scores,
    identity_spread,
    multi_face_rate,
)
from tpige_kedro.metrics.frame_sampling import even_indices
from tpige_kedro.metrics.protocol import ScoredClip, Values

if TYPE_CHECKING:
    import torch

    Network = Callable[[torch.Tensor], torch.Tensor]
    Prepare = Callable[[Picture], NDArray[np.float32]]

SAMPLED_FRAMES = 16
CURRICULAR_SIDE = 112
INCEPTION_SIDE = 299
COLUMNS = (
    *("cur_score", "cur_score_missing_as_zero", "cur_score_worst_frame"),
    *("arc_score", "arc_score_missing_as_zero", "arc_score_worst_frame"),
    *("face_feature_sqdist", "face_rate", "multi_face_rate", "identity_spread"),
)


class FaceMetrics:
    """Compares the faces of a clip with that of the person's own photo (paper section 3.5).

    Args:
        models: finds faces and embeds them by ArcFace.
        curricular: upright faces (n, 3, 112, 112), RGB in [-1, 1], to embeddings (n, D): CurScore.
        features: upright faces (n, 3, 299, 299), RGB in [0, 1], to features (n, D): what the paper calls FID.
        device: where the two networks are.
        batch_size: how many faces they see at once.
    """

    def __init__(
        self,
        models: FaceModels,
        curricular: Network,
        features: Network,
        device: torch.device | str = "cpu",
        batch_size: int = 32,
    ) -> None:
        self._models = models
        self._curricular, self._features = curricular, features
        self._device, self._batch_size = device, batch_size

    def score(self, clip: ScoredClip) -> Values:
        """The metrics over 16 even frames; a frame that a short clip repeats is processed once."""
        if len(clip.frames) == 0:
            return dict.fromkeys(COLUMNS, NO_FRAMES)
        reference = np.asarray(clip.reference.convert("RGB"))
        wanted = even_indices(len(clip.frames), SAMPLED_FRAMES)
        distinct = list(dict.fromkeys(wanted))
        frames = dict(zip(distinct, clip.frames[distinct], strict=True))
        return self.compare(frames, reference, wanted)

    def compare(
        self,
        frames: Mapping[int, Picture] | Sequence[Picture],
        reference: Picture,
        wanted: Sequence[int],
    ) -> Values:
        """The metrics over the ``wanted`` frames (at least one); all pictures (h, w, 3) uint8 RGB."""
        distinct = list(dict.fromkeys(wanted))
        everyone = self._look([reference, *(frames[index] for index in distinct)])
        seen = dict(zip(distinct, everyone[1:], strict=True))

        def split(rows: list[Embedding | None]) -> tuple[list[Embedding | None], Embedding | None]:
            """The vectors of the wanted frames, and the reference's."""
            of_frame = dict(zip(seen, rows[1:], strict=True))
            return [of_frame[index] for index in wanted], rows[0]

        of_frames = [None if face is None else face.embedding for face in everyone[1:]]
        curricular = split(self._run(self._curricular, curricular_input, everyone))
        arcface = split([None if face is None else face.embedding for face in everyone])
        features = split(self._run(self._features, inception_input, everyone))
        faces = [seen[index] for index in wanted]
        return {
            **identity_scores(*curricular, "cur_score"),
            **identity_scores(*arcface, "arc_score"),
            "face_feature_sqdist": face_feature_sqdist(*features),
            "face_rate": face_rate(arcface[0]),
            "identity_spread": identity_spread(of_frames),
            "multi_face_rate": multi_face_rate([0 if f is None else f.among for f in faces]),
        }

    def _look(self, pictures: Sequence[Picture]) -> list[FoundFace | None]:
        """The face in each picture; a thread for each processor, since the models of buffalo_l use one (they release the GIL)."""
        with ThreadPoolExecutor(min(len(pictures), processors())) as threads:
            return list(threads.map(partial(find_face, self._models), pictures))

    def _run(
        self, network: Network, prepare: Prepare, faces: Sequence[FoundFace | None]
    ) -> list[Embedding | None]:
        """One vector a face, in order."""
        import torch

        inputs = [prepare(face.crop) for face in faces if face is not None]
        rows: list[Embedding] = []
        for start in range(0, len(inputs), self._batch_size):
            batch = torch.from_numpy(np.stack(inputs[start : start + self._batch_size]))
            with torch.inference_mode():
                rows.extend(network(batch.to(self._device)).float().cpu().numpy())
        remaining = iter(rows)
        return [None if face is None else next(remaining) for face in faces]


def curricular_input(crop: Picture) -> NDArray[np.float32]:
    """The crop of 224 pixels halved by OpenCV, (3, 112, 112) in [-1, 1]; not the same as a crop of 112."""
    import cv2

    small = cv2.resize(crop, (CURRICULAR_SIDE, CURRICULAR_SIDE), interpolation=cv2.INTER_LINEAR)
    scaled = small.transpose(2, 0, 1).astype(np.float32) / np.float32(255)
    return (scaled - np.float32(0.5)) / np.float32(0.5)


def inception_input(crop: Picture) -> NDArray[np.float32]:
    """The crop enlarged by Pillow, bilinear, (3, 299, 299) in [0, 1]."""
    from PIL import Image

    side = (INCEPTION_SIDE, INCEPTION_SIDE)
    large = np.asarray(Image.fromarray(crop).resize(side, Image.Resampling.BILINEAR))
    return large.transpose(2, 0, 1).astype(np.float32) / np.float32(255)
