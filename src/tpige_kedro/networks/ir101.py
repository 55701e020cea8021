"""IR-101: the improved residual network of 101 layers that CurricularFace was trained with."""

from __future__ import annotations

from torch import Tensor, nn

from tpige_kedro.weights.published import Weights

# (channels in, channels out, units); the first unit of every stage halves height and width
STAGES = ((64, 64, 3), (64, 128, 13), (128, 256, 30), (256, 512, 3))
FACE_SIDE = 112
EMBEDDING = 512

CURRICULAR_FACE = Weights(
    "glint360k_curricular_face_r101_backbone.bin",
    "https://huggingface.co/BestWishYsh/ConsisID-preview (folder face_encoder)",
    "terms of the training data unclear: research only",
)


class ResidualUnit(nn.Module):
    """Normalise, convolve, PReLU, convolve with the stride, normalise; added to the shortcut, nothing after the sum."""

    def __init__(self, inside: int, outside: int, stride: int) -> None:
        super().__init__()
        self.shortcut_layer: nn.Module = nn.MaxPool2d(1, stride)  # takes every stride-th pixel
        if inside != outside:
            self.shortcut_layer = nn.Sequential(
                nn.Conv2d(inside, outside, 1, stride, bias=False), nn.BatchNorm2d(outside)
            )
        self.res_layer = nn.Sequential(
            nn.BatchNorm2d(inside),
            nn.Conv2d(inside, outside, 3, 1, 1, bias=False),
            nn.BatchNorm2d(outside),
            nn.PReLU(outside),
            nn.Conv2d(outside, outside, 3, stride, 1, bias=False),
            nn.BatchNorm2d(outside),
        )

    def forward(self, images: Tensor) -> Tensor:
        """(n, inside, h, w) to (n, outside, h / stride, w / stride)."""
        summed: Tensor = self.res_layer(images) + self.shortcut_layer(images)
        return summed


class IR101(nn.Module):
    """Aligned faces (n, 3, 112, 112), RGB in [-1, 1], to embeddings (n, 512), not normalised.

    Source: Huang et al., CurricularFace, CVPR 2020; layout of the published Glint360K checkpoint (917 keys, 65.2 M parameters).
    """

    def __init__(self) -> None:
        super().__init__()
        self.input_layer = nn.Sequential(
            nn.Conv2d(3, 64, 3, 1, 1, bias=False), nn.BatchNorm2d(64), nn.PReLU(64)
        )
        side = FACE_SIDE // 2 ** len(STAGES)
        self.output_layer = nn.Sequential(
            nn.BatchNorm2d(512),
            nn.Dropout(0.4),
            nn.Flatten(),
            nn.Linear(512 * side * side, EMBEDDING),
            nn.BatchNorm1d(EMBEDDING, affine=False),
        )
        self.body = nn.Sequential(
            *(
                ResidualUnit(outside if unit else inside, outside, 1 if unit else 2)
                for inside, outside, units in STAGES
                for unit in range(units)
            )
        )

    def forward(self, faces: Tensor) -> Tensor:
        """See the class."""
        vectors: Tensor = self.output_layer(self.body(self.input_layer(faces)))
        return vectors
