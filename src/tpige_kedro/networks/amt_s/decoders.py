"""The decoders of AMT-S from coarse to fine, and the updates of their flows by correlation."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tpige_kedro.networks.amt_s.blocks import SideBlock, conv_prelu, resize, warp
from tpige_kedro.networks.amt_s.correlation import CHANNELS

SIDE = 20  # channels of the side path
FLOWS = 3  # pairs of fine flows, whose pictures are combined at the end


def leaky(x: Tensor) -> Tensor:
    """Leaky ReLU with slope 0.1."""
    return F.leaky_relu(x, 0.1)


def decoder_block(inside: int, middle: int, outside: int) -> nn.Sequential:
    """Convolve, side block, and double the size."""
    return nn.Sequential(
        conv_prelu(inside, middle),
        SideBlock(middle, SIDE),
        nn.ConvTranspose2d(middle, outside, 4, 2, 1),
    )


class FirstDecoder(nn.Module):
    """Both context maps at 1/16 and the time to flows (n, 4, …) and a feature map at 1/8."""

    def __init__(self, context: int, feature: int) -> None:
        super().__init__()
        self.convblock = decoder_block(2 * context + 1, 2 * context, 4 + feature)

    def forward(self, context0: Tensor, context1: Tensor, time: float) -> tuple[Tensor, Tensor]:
        """The flows towards frame 0 (channels 0, 1) and frame 1 (2, 3), and the feature map."""
        moment = torch.full_like(context0[:, :1], time)
        out = self.convblock(torch.cat([context0, context1, moment], 1))
        return out[:, :4], out[:, 4:]


class Decoder(nn.Module):
    """Flows, feature and context maps at one size to flows and a feature map at twice the size."""

    def __init__(self, context: int, feature: int) -> None:
        super().__init__()
        self.convblock = decoder_block(3 * context + 4, 3 * context, 4 + feature)

    def forward(
        self, feature: Tensor, flows: Tensor, context0: Tensor, context1: Tensor
    ) -> tuple[Tensor, Tensor]:
        """As above; ``feature`` has the channels of the context maps."""
        warped = warp(context0, flows[:, :2]), warp(context1, flows[:, 2:])
        out = self.convblock(torch.cat([feature, *warped, flows], 1))
        return out[:, :4] + 2 * resize(flows, 2), out[:, 4:]


class LastDecoder(nn.Module):
    """The finest decoder: three pairs of flows, their masks and their residual pictures, at full size."""

    def __init__(self, context: int) -> None:
        super().__init__()
        self.convblock = decoder_block(3 * context + 4, 3 * context, 8 * FLOWS)

    def forward(
        self, feature: Tensor, flows: Tensor, context0: Tensor, context1: Tensor
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Flows towards frame 0 and 1 (n, 6, h, w) each, masks (n, 3, h, w) in [0, 1] and residuals (n, 9, h, w)."""
        warped = warp(context0, flows[:, :2]), warp(context1, flows[:, 2:])
        out = self.convblock(torch.cat([feature, *warped, flows], 1))
        delta0, delta1, mask, residual = out.split([2 * FLOWS, 2 * FLOWS, FLOWS, 3 * FLOWS], 1)
        coarse = 2 * resize(flows, 2)
        flow0 = delta0 + coarse[:, :2].repeat(1, FLOWS, 1, 1)
        flow1 = delta1 + coarse[:, 2:].repeat(1, FLOWS, 1, 1)
        return flow0, flow1, mask.sigmoid(), residual


class Update(nn.Module):
    """Corrects flows and feature map by the correlation found where the flows point.

    ``factor`` is how much larger they are than the correlation's map, on which the correction is computed.
    """

    def __init__(self, feature: int, factor: int) -> None:
        super().__init__()
        self.factor = factor
        hidden = 76
        self.convc1 = nn.Conv2d(2 * CHANNELS, 64, 1)
        self.convf1 = nn.Conv2d(4, 40, 7, padding=3)
        self.convf2 = nn.Conv2d(40, 20, 3, padding=1)
        self.conv = nn.Conv2d(84, 68, 3, padding=1)
        self.gru = two_convolutions(68 + 4 + feature, hidden, hidden)
        self.feat_head = two_convolutions(hidden, hidden, feature)
        self.flow_head = two_convolutions(hidden, hidden, 4)

    def forward(self, feature: Tensor, flows: Tensor, found: Tensor) -> tuple[Tensor, Tensor]:
        """The corrected flows and feature map; ``found`` (n, 392, h / factor, w / factor) was looked up with the coarse flows."""
        small = feature if self.factor == 1 else resize(feature, 1 / self.factor)
        coarse = self.coarse(flows)
        motion = leaky(self.convf2(leaky(self.convf1(coarse))))
        seen = leaky(self.conv(torch.cat([leaky(self.convc1(found)), motion], 1)))
        state = self.gru(torch.cat([seen, coarse, small], 1))
        delta_feature, delta_flow = self.feat_head(state), self.flow_head(state)
        if self.factor > 1:
            delta_feature = resize(delta_feature, self.factor)
            delta_flow = self.factor * resize(delta_flow, self.factor)
        return flows + delta_flow, feature + delta_feature

    def coarse(self, flows: Tensor) -> Tensor:
        """The flows at the size of the correlation's map, in its pixels."""
        return flows if self.factor == 1 else resize(flows, 1 / self.factor) / self.factor


def two_convolutions(inside: int, middle: int, outside: int) -> nn.Sequential:
    """3x3, leaky ReLU, 3x3."""
    return nn.Sequential(
        nn.Conv2d(inside, middle, 3, padding=1),
        nn.LeakyReLU(0.1),
        nn.Conv2d(middle, outside, 3, padding=1),
    )
