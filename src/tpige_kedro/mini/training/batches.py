"""What one step of the VACE training sees: random items of one kind, with the real control layout."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from tpige_kedro.mini.training.latents import Latents
from tpige_kedro.mini.training.pool import NO_REFERENCE
from tpige_kedro.mini.training.recipe import Recipe

REFERENCE_SLOT_WEIGHT = 0.5  # of the loss on the reference's own latent frame


def control_of(background: Tensor, reference: Tensor | None, n: int) -> Tensor:
    """The control tensor (n, 96, R + f, h, w) of a clip without source video, laid out as WanVACEPipeline does.

    Channels: inactive 16, reactive 16, mask 64. Video frames hold gray twice and mask 1; the reference frame in front
    holds its latent and zeros.
    """
    ones = torch.ones_like(background[:, :1]).expand(-1, 64, -1, -1, -1)
    video = torch.cat([background, background, ones], 1).expand(n, -1, -1, -1, -1)
    if reference is None:
        return video.contiguous()
    slot = torch.cat([reference, torch.zeros_like(reference).repeat(1, 5, 1, 1, 1)], 1)
    return torch.cat([slot, video], 2)


@dataclass
class Batch:
    """One training batch: clean latents, loss weights, control, token ids and whether hints are on."""

    clean: Tensor
    weight: Tensor
    control: Tensor
    tokens: Tensor
    hints: float


class Batches:
    """Draws batches of the three kinds: ``clip`` (reference and clip), ``free`` (no reference), ``still``."""

    def __init__(self, latents: Latents, recipe: Recipe, null_text: Tensor) -> None:
        self.latents, self.recipe, self.null_text = latents, recipe, null_text
        clips = len(latents.clips)
        has_reference = latents.kind != NO_REFERENCE
        self.indices = {
            "clip": has_reference[:clips].nonzero()[:, 0],
            "free": (~has_reference[:clips]).nonzero()[:, 0],
            "still": has_reference[clips:].nonzero()[:, 0] + clips,
        }

    def draw(self, kind: str) -> Batch:
        """``recipe.flow_batch`` random items of one kind."""
        data, n = self.latents, self.recipe.flow_batch
        device = data.clips.device
        pool = self.indices[kind]
        if not len(pool):
            raise ValueError(
                f"the training set has nothing for batches of the kind {kind!r}; raise clips or stills in the recipe"
            )
        index = pool[torch.randint(0, len(pool), (n,), device=device)]
        if kind == "still":
            row = index - len(data.clips)
            clean, weight, background = data.stills[row], data.still_weights[row], data.gray_still
        else:
            clean, weight, background = data.clips[index], data.clip_weights[index], data.gray
        clean, weight, reference, hints = clean.float(), weight.float(), None, 1.0
        if kind == "free":  # half of them teach the plain text-to-video model under the hints
            hints = float(torch.rand(()) < 0.5)
        else:
            own = data.references[index].float()
            reference = self._blank_some(own)
            clean = torch.cat([own, clean], 2)
            weight = torch.cat([torch.full_like(weight[:, :1], REFERENCE_SLOT_WEIGHT), weight], 1)
        tokens = data.tokens[index].long()
        dropped = torch.rand(n, 1, device=device) < self.recipe.share_text_dropped
        tokens = torch.where(dropped, self.null_text, tokens)
        return Batch(clean, weight, control_of(background, reference, n), tokens, hints)

    def _blank_some(self, reference: Tensor) -> Tensor:
        """A few references are empty (zeros) or a white canvas, so that a blank slot means "anyone"."""
        draw = torch.rand(len(reference), 1, 1, 1, 1, device=reference.device)
        share = self.recipe.share_blank_reference
        reference = torch.where(draw < share / 2, torch.zeros_like(reference), reference)
        return torch.where(draw > 1 - share / 2, self.latents.white.float(), reference)
