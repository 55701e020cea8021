"""The whole of AMT-S: the frame between two frames."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from tpige_kedro.networks.amt_s.blocks import warp
from tpige_kedro.networks.amt_s.correlation import Correlation
from tpige_kedro.networks.amt_s.decoders import FLOWS, Decoder, FirstDecoder, LastDecoder, Update
from tpige_kedro.networks.amt_s.encoders import PYRAMID, MatchingEncoder, PyramidEncoder
from tpige_kedro.weights.published import Weights

HALFWAY = 0.5
SMALLEST_SIDE = 64  # the correlation, at an eighth of the size, is halved three times

AMT_S = Weights("amt-s.pth", "https://huggingface.co/lalala125/AMT", "CC BY-NC-SA 4.0")


class AmtS(nn.Module):
    """Two stacks of frames (n, 3, h, w), RGB in [0, 1], to the frames half-way, in [0, 1].

    Height and width are multiples of 16, at least 64.

    Source: Li et al., AMT: All-Pairs Multi-Field Transforms for Efficient Frame Interpolation, CVPR 2023; layout of the
    published ``amt-s.pth`` (213 keys, 3.0 M parameters).
    """

    def __init__(self) -> None:
        super().__init__()
        half, quarter, eighth, sixteenth = PYRAMID
        self.feat_encoder = MatchingEncoder()
        self.encoder = PyramidEncoder()
        self.decoder4 = FirstDecoder(sixteenth, eighth)
        self.decoder3 = Decoder(eighth, quarter)
        self.decoder2 = Decoder(quarter, half)
        self.decoder1 = LastDecoder(half)
        self.update4 = Update(eighth, 1)
        self.update3 = Update(quarter, 2)
        self.update2 = Update(half, 4)
        self.comb_block = nn.Sequential(
            nn.Conv2d(3 * FLOWS, 6 * FLOWS, 3, padding=1),
            nn.PReLU(6 * FLOWS),
            nn.Conv2d(6 * FLOWS, 3, 3, padding=1),
        )

    def forward(self, first: Tensor, last: Tensor) -> Tensor:
        """See the class."""
        brightness = torch.stack([first, last]).mean((0, 2, 3, 4)).view(-1, 1, 1, 1)
        first, last = first - brightness, last - brightness
        matching = self.feat_encoder(torch.cat([first, last])).chunk(2)
        correlation = Correlation(*matching)
        contexts = [m.chunk(2) for m in self.encoder(torch.cat([first, last]))]
        half, quarter, eighth, sixteenth = contexts

        flows, feature = self.decoder4(*sixteenth, HALFWAY)
        flows, feature = self._update(self.update4, feature, flows, correlation)
        flows, feature = self.decoder3(feature, flows, *eighth)
        flows, feature = self._update(self.update3, feature, flows, correlation)
        flows, feature = self.decoder2(feature, flows, *quarter)
        flows, feature = self._update(self.update2, feature, flows, correlation)
        flow0, flow1, mask, residual = self.decoder1(feature, flows, *half)

        pictures = [
            blend * warp(first, a) + (1 - blend) * warp(last, b) + brightness + rest
            for a, b, blend, rest in zip(
                flow0.chunk(FLOWS, 1),
                flow1.chunk(FLOWS, 1),
                mask.chunk(FLOWS, 1),
                residual.chunk(FLOWS, 1),
                strict=True,
            )
        ]
        combined: Tensor = torch.stack(pictures).mean(0) + self.comb_block(torch.cat(pictures, 1))
        return combined.clamp(0, 1)

    def _update(
        self, update: Update, feature: Tensor, flows: Tensor, correlation: Correlation
    ) -> tuple[Tensor, Tensor]:
        coarse = update.coarse(flows)
        found = correlation.lookup(coarse[:, :2], coarse[:, 2:], HALFWAY)
        updated: tuple[Tensor, Tensor] = update(feature, flows, found)
        return updated
