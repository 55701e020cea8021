"""Reads the discrete attributes of a face from a portrait (the role of GPT-4o as a face reader)."""

from __future__ import annotations

from torch import Tensor, nn

from tpige_kedro.mini.networks.blocks import ResidualBlock, convolution

ATTRIBUTES = {  # attribute -> number of values, as in mini.world.vocabulary
    "age": 3,
    "gender": 2,
    "skin": 4,
    "hair_style": 7,
    "hair_colour": 6,
    "eye_colour": 5,
    "facial_hair": 4,
    "glasses": 3,
    "freckles": 2,
}
HEAD_SIDE = 48  # pixels of the crop that it reads
HEAD_MARGIN = (
    1.5  # half the crop's side in half heights of the head: long hair and a bun are inside
)


class AttributeReader(nn.Module):
    """Head crop (n, 3, 48, 48) in [-1, 1] -> logits (n, values) for every attribute."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            convolution(3, 24),
            nn.SiLU(),
            ResidualBlock(24, 40, 2),
            ResidualBlock(40, 64, 2),
            ResidualBlock(64, 88, 2),
            convolution(88, 24, 1),
            nn.SiLU(),
            nn.Flatten(),
        )
        self.heads = nn.Linear(24 * 6 * 6, sum(ATTRIBUTES.values()))

    def forward(self, crops: Tensor) -> dict[str, Tensor]:
        """Logits by attribute."""
        logits = self.heads(self.features(crops)).float()
        return dict(zip(ATTRIBUTES, logits.split(list(ATTRIBUTES.values()), 1), strict=True))
