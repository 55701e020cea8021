"""How much of a text a frame shows (the role of GME): two towers and a cosine."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tpige_kedro.mini.networks.blocks import ResidualBlock, convolution

WIDTH = 128  # of the common space
MAX_WORDS = 72
PAD, UNKNOWN, END = 0, 1, 2
SPECIAL = ("<pad>", "<unk>", "<end>")
TOKEN = re.compile(r"[a-z]+|[,.]")


def split_words(text: str) -> list[str]:
    """Lower-case words, commas and full stops; hyphens separate."""
    return TOKEN.findall(text.lower())


def build_vocabulary(texts: Iterable[str]) -> list[str]:
    """Every word of ``texts`` once, sorted, behind the three special pieces."""
    return [*SPECIAL, *sorted({word for text in texts for word in split_words(text)})]


class FrameTower(nn.Module):
    """Frame (n, 3, 80, 80) in [-1, 1] -> unit vector (n, 128)."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            convolution(3, 24, stride=2),
            nn.SiLU(),
            ResidualBlock(24, 48, 2),
            ResidualBlock(48, 80, 2),
            ResidualBlock(80, 104, 2),
            convolution(104, 32, 1),
            nn.SiLU(),
            nn.Flatten(),
        )
        self.project = nn.Linear(32 * 5 * 5, WIDTH)

    def forward(self, frames: Tensor) -> Tensor:
        """Embed frames."""
        return F.normalize(self.project(self.features(frames)).float(), dim=-1)


class TextTower(nn.Module):
    """Word ids (n, l), padded with 0 -> unit vector (n, 128): a two-layer transformer, averaged over the words."""

    def __init__(self, vocabulary_size: int, width: int = 96, layers: int = 2) -> None:
        super().__init__()
        self.words = nn.Embedding(vocabulary_size, width, padding_idx=PAD)
        self.places = nn.Parameter(torch.randn(MAX_WORDS, width) * 0.02)
        layer = nn.TransformerEncoderLayer(
            width, 4, 2 * width, dropout=0.0, activation="gelu", batch_first=True, norm_first=True
        )
        self.layers = nn.TransformerEncoder(layer, layers, enable_nested_tensor=False)
        self.norm = nn.LayerNorm(width)
        self.project = nn.Linear(width, WIDTH)

    def forward(self, ids: Tensor) -> Tensor:
        """Embed texts."""
        padding = ids == PAD
        hidden = self.words(ids) + self.places[: ids.shape[1]]
        hidden = self.norm(self.layers(hidden, src_key_padding_mask=padding))
        kept = (~padding)[..., None].to(hidden.dtype)
        mean = (hidden * kept).sum(1) / kept.sum(1)
        return F.normalize(self.project(mean).float(), dim=-1)


class TextFrameAlignment(nn.Module):
    """Both towers and the vocabulary; ``frames(x) @ texts(ids).T`` are cosines in [-1, 1]."""

    def __init__(self, vocabulary: Sequence[str]) -> None:
        super().__init__()
        self.frames = FrameTower()
        self.texts = TextTower(len(vocabulary))
        self.index = {word: i for i, word in enumerate(vocabulary)}

    def tokenize(self, texts: Sequence[str], length: int | None = None) -> Tensor:
        """Word ids (n, length); a longer text is cut at 71 words, one without any word is just its end mark."""
        rows = []
        for text in texts:
            words = split_words(text)[: MAX_WORDS - 1]
            rows.append([self.index.get(word, UNKNOWN) for word in words] + [END])
        length = length or max(map(len, rows))
        return torch.tensor([row + [PAD] * (length - len(row)) for row in rows])
