"""Reads the discrete attributes of a face from its picture (the role of GPT-4o as a face reader, and of the judge's own)."""

from __future__ import annotations

from collections.abc import Sequence

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
NOT_SEEN = -100  # the value of an attribute that a head does not show; cross entropies leave it out
HEAD_SIDE = 48  # pixels of the crop that it reads
HEAD_MARGIN = (
    1.5  # half the crop's side in half heights of the head: long hair and a bun are inside
)


class AttributeReader(nn.Module):
    """Head crop (n, 3, 48, 48) in [-1, 1] -> logits (n, values) for every attribute; ``widths`` in channels, the last at 6x6."""

    def __init__(self, widths: Sequence[int] = (24, 40, 64, 88, 24)) -> None:
        super().__init__()
        first, second, third, fourth, last = widths
        self.features = nn.Sequential(
            convolution(3, first),
            nn.SiLU(),
            ResidualBlock(first, second, 2),
            ResidualBlock(second, third, 2),
            ResidualBlock(third, fourth, 2),
            convolution(fourth, last, 1),
            nn.SiLU(),
            nn.Flatten(),
        )
        self.heads = nn.Linear(last * 6 * 6, sum(ATTRIBUTES.values()))

    def forward(self, crops: Tensor) -> dict[str, Tensor]:
        """Logits by attribute."""
        logits = self.heads(self.features(crops)).float()
        return dict(zip(ATTRIBUTES, logits.split(list(ATTRIBUTES.values()), 1), strict=True))
