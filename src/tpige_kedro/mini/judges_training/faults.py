"""What can go wrong with a picture: camera and video coding, blur, noise, exposure, and pictures without any face.

All functions take and return pictures (n, 3, 80, 80) in [-1, 1] on their device and draw from torch's global generator.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

RGB_TO_YCC = ((0.299, 0.587, 0.114), (-0.1687, -0.3313, 0.5), (0.5, -0.4187, -0.0813))
YCC_TO_RGB = ((1.0, 0.0, 1.402), (1.0, -0.3441, -0.7141), (1.0, 1.772, 0.0))
BLOCK = 8  # pixels of a coding block
WIDEST_BLUR = 2.5  # pixels
TILE = 10  # pixels of a tile of a shuffled picture


def uniform(pictures: Tensor, low: float = 0.0, high: float = 1.0) -> Tensor:
    """One random number per picture, (n, 1, 1, 1)."""
    return torch.rand(len(pictures), 1, 1, 1, device=pictures.device) * (high - low) + low


def sometimes(pictures: Tensor, changed: Tensor, probability: float) -> Tensor:
    """``changed`` with this probability, per picture."""
    return torch.where(uniform(pictures) < probability, changed, pictures)


def camera(pictures: Tensor) -> Tensor:
    """A little contrast, tint and noise, so that no network leans on exact colours."""
    n, device = len(pictures), pictures.device
    contrast = 1 + 0.08 * torch.randn(n, 1, 1, 1, device=device)
    tint = 0.05 * torch.randn(n, 3, 1, 1, device=device)
    noise = 0.05 * uniform(pictures) * torch.randn_like(pictures)
    return pictures * contrast + tint + noise


def video_coding(pictures: Tensor, strength: Tensor) -> Tensor:
    """Chroma at half size and quantised 8x8 cosine blocks, coarser with ``strength`` (n, 1, 1, 1) in [0, 1]."""
    ycc = mix_channels(pictures, RGB_TO_YCC)
    luma, chroma = ycc[:, :1], F.avg_pool2d(ycc[:, 1:], 2)
    chroma = F.interpolate(quantise(chroma, strength), scale_factor=2, mode="bilinear")
    return mix_channels(torch.cat([quantise(luma, strength), chroma], 1), YCC_TO_RGB)


def mix_channels(pictures: Tensor, matrix: tuple[tuple[float, ...], ...]) -> Tensor:
    """A 3x3 ``matrix`` on the channels of every pixel."""
    return F.conv2d(pictures, pictures.new_tensor(matrix)[:, :, None, None])


def quantise(planes: Tensor, strength: Tensor) -> Tensor:
    """Round the cosine coefficients of every 8x8 block, high frequencies more coarsely; (n, c, h, w)."""
    n, c, height, width = planes.shape
    basis, steps = cosine_basis(planes)
    spectrum = F.conv2d(planes.reshape(n * c, 1, height, width), basis, stride=BLOCK)
    step = (0.01 + 0.25 * strength.repeat_interleave(c, 0)) * steps
    spectrum = (spectrum / step).round() * step
    return F.conv_transpose2d(spectrum, basis, stride=BLOCK).view(n, c, height, width)


def cosine_basis(like: Tensor) -> tuple[Tensor, Tensor]:
    """The 64 patterns (64, 1, 8, 8) of the cosine transform, orthonormal, and their relative steps (1, 64, 1, 1)."""
    index = torch.arange(BLOCK, device=like.device, dtype=like.dtype)
    cosines = torch.cos(math.pi / BLOCK * (index[None] + 0.5) * index[:, None]) * math.sqrt(
        2 / BLOCK
    )
    cosines[0] /= math.sqrt(2)
    basis = torch.einsum("ux,vy->uvxy", cosines, cosines).reshape(BLOCK**2, 1, BLOCK, BLOCK)
    return basis, 1 + 0.3 * (index[None] + index[:, None]).reshape(1, BLOCK**2, 1, 1)


def seen(pictures: Tensor) -> Tensor:
    """What reaches a network from a healthy clip file: slight camera faults, half of the pictures video-coded."""
    coded = video_coding(pictures, uniform(pictures, 0.0, 0.3))
    return camera(sometimes(pictures, coded, 0.5))


def gaussian_blur(pictures: Tensor, sigma: float) -> Tensor:
    """Blur of ``sigma`` pixels, borders repeated."""
    radius = max(1, math.ceil(2.5 * sigma))
    offsets = torch.arange(-radius, radius + 1, device=pictures.device, dtype=pictures.dtype)
    kernel = torch.exp(-0.5 * (offsets / max(sigma, 1e-3)) ** 2)
    kernel = (kernel / kernel.sum()).expand(3, 1, -1)
    padded = F.pad(pictures, (radius,) * 4, mode="replicate")
    padded = F.conv2d(padded, kernel[:, :, None], groups=3)
    return F.conv2d(padded, kernel[..., None], groups=3)


def blur_in_groups(pictures: Tensor, groups: int = 8, *, strongest: float) -> tuple[Tensor, Tensor]:
    """Blur each of ``groups`` parts of the batch by a width of its own; widths in pixels (n, 1, 1, 1)."""
    parts = pictures.chunk(groups)
    widths = (torch.rand(len(parts)) * strongest).tolist()
    blurred = torch.cat([gaussian_blur(part, w) for part, w in zip(parts, widths, strict=True)])
    sigma = torch.cat(
        [torch.full((len(p), 1, 1, 1), w) for p, w in zip(parts, widths, strict=True)]
    )
    return blurred, sigma.to(pictures.device)


def expose(pictures: Tensor, stops: Tensor) -> Tensor:
    """Light times ``2 ** stops`` (n, 1, 1, 1), clipped at white."""
    return (((pictures + 1) * 2**stops).clamp(0, 2)) - 1


def degraded(pictures: Tensor, probability: float = 0.3) -> tuple[Tensor, Tensor]:
    """Blur, noise and exposure that a network must survive or doubt, each with this probability.

    Also how much of each picture is left to see, (n,) in [0.125, 1]: every fault takes up to half.
    """
    blurred, sigma = blur_in_groups(pictures, strongest=WIDEST_BLUR)
    pictures, blur = choose(pictures, blurred, sigma / WIDEST_BLUR, probability)
    spread = uniform(pictures, 0.0, 0.4)
    noisy = pictures + spread * torch.randn_like(pictures)
    pictures, noise = choose(pictures, noisy, spread / 0.4, probability)
    stops = uniform(pictures, -1.0, 1.0)
    pictures, light = choose(pictures, expose(pictures, stops), stops.abs(), probability / 2)
    left = (1 - blur / 2) * (1 - noise / 2) * (1 - light / 2)
    return pictures, left.flatten()


def choose(
    pictures: Tensor, changed: Tensor, severity: Tensor, probability: float
) -> tuple[Tensor, Tensor]:
    """Some of the pictures changed, and the severity (n, 1, 1, 1) that they then have."""
    hit = uniform(pictures) < probability
    return torch.where(hit, changed, pictures), severity * hit


def without_face(pictures: Tensor, x: Tensor, y: Tensor, size: Tensor) -> Tensor:
    """Pictures that show no face: blank, noise, shuffled tiles, a smear, or the head covered by the backdrop."""
    n, _, height, width = pictures.shape
    kinds = torch.randint(0, 5, (n, 1, 1, 1), device=pictures.device)
    blank = torch.rand(n, 3, 1, 1, device=pictures.device) * 2 - 1
    blank = blank + 0.3 * (uniform(pictures) - 0.5) * torch.linspace(
        -1, 1, width, device=pictures.device
    )
    coarse = F.interpolate(
        torch.randn(n, 3, 10, 10, device=pictures.device), (height, width), mode="bilinear"
    )
    noise = torch.where(uniform(pictures) < 0.5, torch.randn_like(pictures) * 0.6, coarse)
    smear = F.interpolate(F.adaptive_avg_pool2d(pictures, 4), (height, width), mode="bilinear")
    result = torch.where(kinds == 0, blank.expand_as(pictures), noise.clamp(-1, 1))
    result = torch.where(kinds == 2, shuffle_tiles(pictures), result)
    result = torch.where(kinds == 3, smear, result)
    return torch.where(kinds == 4, cover_head(pictures, x, y, size), result)


def shuffle_tiles(pictures: Tensor) -> Tensor:
    """The tiles of each picture in one random order."""
    n, c, height, width = pictures.shape
    rows, columns = height // TILE, width // TILE
    tiles = pictures.view(n, c, rows, TILE, columns, TILE).permute(0, 2, 4, 1, 3, 5)
    tiles = tiles.flatten(1, 2)[:, torch.randperm(rows * columns, device=pictures.device)]
    tiles = tiles.view(n, rows, columns, c, TILE, TILE).permute(0, 3, 1, 4, 2, 5)
    return tiles.reshape(n, c, height, width)


def cover_head(pictures: Tensor, x: Tensor, y: Tensor, size: Tensor) -> Tensor:
    """The head's ellipse filled with the picture's own left edge, stretched."""
    height, width = pictures.shape[2:]
    rows = (torch.arange(height, device=pictures.device) + 0.5) / height * 2 - 1
    columns = (torch.arange(width, device=pictures.device) + 0.5) / width * 2 - 1
    across = (columns[None, None, :] - x[:, None, None]) / (1.1 * size[:, None, None])
    down = (rows[None, :, None] - y[:, None, None]) / (1.2 * size[:, None, None])
    inside = (across**2 + down**2 < 1)[:, None]
    edge = F.interpolate(pictures[..., : width // 8], (height, width), mode="bilinear")
    return torch.where(inside, edge, pictures)
