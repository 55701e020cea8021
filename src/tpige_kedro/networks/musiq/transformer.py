"""The transformer over the tokens of a picture; its first token becomes the verdict."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tpige_kedro.networks.musiq.tokens import GRID, LONGER_SIDES

WIDTH = 384
HEADS = 6
MLP = 1152
DEPTH = 14
SCALES = len(LONGER_SIDES) + 1
EPS = 1e-6


class Attention(nn.Module):
    """Every token looks at every token."""

    def __init__(self) -> None:
        super().__init__()
        self.query, self.key, self.value, self.out = (nn.Linear(WIDTH, WIDTH) for _ in range(4))

    def forward(self, x: Tensor) -> Tensor:
        """(n, tokens, 384) to the same."""
        n, count, _ = x.shape
        heads = (
            part(x).view(n, count, HEADS, WIDTH // HEADS).transpose(1, 2)
            for part in (self.query, self.key, self.value)
        )
        seen = F.scaled_dot_product_attention(*heads)
        mixed: Tensor = self.out(seen.transpose(1, 2).reshape(n, count, WIDTH))
        return mixed


class Mlp(nn.Module):
    """Two layers with an exact GELU between them."""

    def __init__(self) -> None:
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(WIDTH, MLP), nn.Linear(MLP, WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        """(n, tokens, 384) to the same."""
        out: Tensor = self.fc2(F.gelu(self.fc1(x)))
        return out


class Block(nn.Module):
    """Attention and MLP, each normalised before and added."""

    def __init__(self) -> None:
        super().__init__()
        self.norm1, self.attention = nn.LayerNorm(WIDTH, EPS), Attention()
        self.norm2, self.mlp = nn.LayerNorm(WIDTH, EPS), Mlp()

    def forward(self, x: Tensor) -> Tensor:
        """(n, tokens, 384) to the same."""
        x = x + self.attention(self.norm1(x))
        out: Tensor = x + self.mlp(self.norm2(x))
        return out


class Encoder(nn.Module):
    """Embeddings (n, tokens, 384) with their places and scales (tokens,) to the vector (n, 384) of the picture."""

    def __init__(self) -> None:
        super().__init__()
        self.cls = nn.Parameter(torch.zeros(1, 1, WIDTH))
        self.posembed_input = nn.ParameterDict({"position_emb": torch.zeros(1, GRID**2, WIDTH)})
        self.scaleembed_input = nn.ParameterDict({"scale_emb": torch.zeros(SCALES, WIDTH)})
        self.encoder_norm = nn.LayerNorm(WIDTH, EPS)
        self.transformer = nn.ModuleDict({f"encoderblock_{i}": Block() for i in range(DEPTH)})

    def forward(self, embedded: Tensor, place: Tensor, scale: Tensor) -> Tensor:
        """See the class."""
        where = self.posembed_input["position_emb"][0, place]
        x = embedded + where + self.scaleembed_input["scale_emb"][scale]
        x = torch.cat([self.cls.expand(len(x), -1, -1), x], 1)
        for block in self.transformer.values():
            x = block(x)
        vectors: Tensor = self.encoder_norm(x[:, 0])
        return vectors
