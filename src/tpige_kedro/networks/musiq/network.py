"""The whole of MUSIQ: one number for a picture."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from tpige_kedro.networks.musiq.stem import Bottleneck, StandardizedConv, norm
from tpige_kedro.networks.musiq.tokens import PATCH, pad_same, tokenize
from tpige_kedro.networks.musiq.transformer import WIDTH, Encoder
from tpige_kedro.weights.published import Weights

MUSIQ_SPAQ = Weights(
    "musiq_spaq_ckpt-358bb6af.pth",
    "https://huggingface.co/chaofengc/IQA-PyTorch-Weights",
    "converted by pyiqa: CC BY-NC-SA 4.0; original by Google Research: Apache-2.0",
)


class Musiq(nn.Module):
    """Pictures (n, 3, h, w), RGB in [0, 1], to their quality (n,), about 0 to 100 with the weights of SPAQ.

    Source: Ke et al., MUSIQ: Multi-scale Image Quality Transformer, ICCV 2021; layout of pyiqa's ``musiq-spaq`` (248 keys).
    """

    def __init__(self) -> None:
        super().__init__()
        self.conv_root = StandardizedConv(3, 64, 7, 2)
        self.gn_root = norm(64, 1e-6)
        self.block1 = Bottleneck(64, 256)
        self.embedding = nn.Linear(256 * (PATCH // 4) ** 2, WIDTH)
        self.transformer_encoder = Encoder()
        self.head = nn.Linear(WIDTH, 1)

    def forward(self, pictures: Tensor) -> Tensor:
        """See the class.

        The published network keeps the tokens that fill up a scale and gives them the logit -1000 in every attention. Their
        weight is 0 in float32, so that leaving them out changes no digit of the result.
        """
        tokens = tokenize(2 * pictures - 1).only_valid()
        patches = tokens.patches.reshape(-1, 3, PATCH, PATCH)
        embedded = self._embed(patches).view(len(pictures), -1, WIDTH)
        scores: Tensor = self.head(self.transformer_encoder(embedded, tokens.place, tokens.scale))[
            :, 0
        ]
        return scores

    def _embed(self, patches: Tensor) -> Tensor:
        out = F.relu(self.gn_root(self.conv_root(patches)))
        out = self.block1(F.max_pool2d(pad_same(out, 3, 2), 3, 2))
        embedded: Tensor = self.embedding(out.permute(0, 2, 3, 1).flatten(1))
        return embedded
