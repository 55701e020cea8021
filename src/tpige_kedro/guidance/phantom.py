"""Guidance of Phantom (reference latents in the last frames), with the identity term of Eq. 2-3 added."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from diffusers.configuration_utils import register_to_config
from diffusers.guiders.guider_utils import GuiderOutput

from tpige_kedro.guidance.id_aware import IdAwareGuidance, rescaled
from tpige_kedro.schemas import FIRST_STEPS


class PhantomGuidance(IdAwareGuidance):
    """eps = n + s (i - n) + W_c (it - i) + W_i (it - w).

    The branches: it (text, reference) is ``pred_cond``, i (negative text, reference) ``pred_uncond``, n (negative text, empty
    reference) ``pred_null``, w (text, empty reference, blocks skipped) ``pred_weak``. The first three terms are
    Phantom's own, with s its image scale (5.0) and W_c its text scale (7.5: the factor itself, nothing is added to it). The last
    is ours: the published code has none for Phantom.

    A branch whose factor is zero is not run. Hence the cheaper form, in which the weak branch takes the place of the
    image-free one, is ``image_scale`` 1: i + W_c (it - i) + W_i (it - w), three forwards. For a distilled model both are 1, which
    leaves it + W_i (it - w), two forwards.

    Args:
        image_scale: s >= 0.
        others: as in :class:`IdAwareGuidance`.
    """

    # diffusers declares it otherwise
    _input_predictions: ClassVar = ["pred_cond", "pred_uncond", "pred_null", "pred_weak"]  # type: ignore[misc]

    @register_to_config  # type: ignore[untyped-decorator]  # diffusers gives it no types
    def __init__(
        self,
        *,
        image_scale: float = 5.0,
        text_weight: float = 7.5,
        identity_weight: float = 0.0,
        skip_layers: tuple[int, ...] = (),
        text_schedule: dict[str, Any] | None = None,
        identity_schedule: dict[str, Any] | None = None,
        reuse_every: int = 1,
        first_steps: int = FIRST_STEPS,
        rescale: float = 0.0,
    ) -> None:
        if image_scale < 0:
            raise ValueError(f"image_scale: must be 0 or more, got {image_scale}")
        super().__init__(
            text_weight=text_weight,
            identity_weight=identity_weight,
            skip_layers=skip_layers,
            text_schedule=text_schedule,
            identity_schedule=identity_schedule,
            reuse_every=reuse_every,
            first_steps=first_steps,
            rescale=rescale,
        )
        self.image_scale = image_scale

    def factors(self) -> dict[str, float]:
        """Phantom's three terms sorted by branch; they sum to 1."""
        if not self._enabled:
            return {"pred_cond": 1.0, "pred_uncond": 0.0, "pred_null": 0.0}
        text_weight = self.weights()[0]
        return {
            "pred_cond": text_weight,
            "pred_uncond": self.image_scale - text_weight,
            "pred_null": 1.0 - self.image_scale,
        }

    def branches(self) -> list[str]:
        """The predictions that the current step needs, in the order in which they run; ``pred_cond`` always."""
        weak = ["pred_weak"] if self.weights()[1] > 0 and self.delta_is_due() else []
        return [n for n, factor in self.factors().items() if factor or n == "pred_cond"] + weak

    def forward(
        self,
        pred_cond: torch.Tensor,
        *,
        pred_uncond: torch.Tensor | None = None,
        pred_null: torch.Tensor | None = None,
        pred_weak: torch.Tensor | None = None,
    ) -> GuiderOutput:
        """Combine the predictions of this step (any float type) to one in float32."""
        it, i, n = (None if p is None else p.float() for p in (pred_cond, pred_uncond, pred_null))
        assert it is not None
        terms = zip((it, i, n), self.factors().values(), strict=True)
        eps = torch.stack([factor * p for p, factor in terms if p is not None]).sum(0)
        d = self.identity_delta(it, pred_weak)
        eps = eps if d is None else eps + self.weights()[1] * d
        if not (i is None and n is None and d is None):
            eps = rescaled(eps, it, self.settings.rescale)
        return GuiderOutput(pred=eps, pred_cond=pred_cond, pred_uncond=pred_uncond)
