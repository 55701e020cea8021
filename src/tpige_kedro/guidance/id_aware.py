"""ID-aware guidance (paper section 3.4, Eq. 2-3) on diffusers' guider interface."""

from __future__ import annotations

import logging
from collections import Counter
from contextlib import ExitStack
from typing import Any, ClassVar, Self

import torch
from diffusers.configuration_utils import register_to_config
from diffusers.guiders.guider_utils import BaseGuidance, GuiderOutput
from torch import nn

from tpige_kedro.guidance.schedules import factor, is_due
from tpige_kedro.guidance.skipping import skipped_layers
from tpige_kedro.schemas import FIRST_STEPS, Guidance

# diffusers warns at each construction that guiders are experimental: known, the version is pinned and golden tests guard it
logging.getLogger("diffusers.guiders.guider_utils").setLevel(logging.ERROR)


def guide(
    c: torch.Tensor,
    u: torch.Tensor | None,
    d: torch.Tensor | None,
    text_weight: float,
    identity_weight: float,
) -> torch.Tensor:
    """eps = c + W_c (c - u) + W_i (c - w), with d = c - w, in float32.

    The text part is written u + (1 + W_c)(c - u), which is bit for bit what diffusers' pipelines compute for a guidance
    scale of 1 + W_c. ``None`` stands for a branch whose weight is zero.
    """
    eps = c if u is None else u + (1 + text_weight) * (c - u)
    return eps if d is None else eps + identity_weight * d


def rescaled(eps: torch.Tensor, c: torch.Tensor, phi: float) -> torch.Tensor:
    """phi eps std(c) / std(eps) + (1 - phi) eps, with the standard deviation over each clip.

    Guidance makes predictions larger, which burns colours; this brings them back to the size of the conditional one (Lin et
    al. 2023, "Common diffusion noise schedules and sample steps are flawed", section 3.4). phi 0 returns ``eps`` itself.

    >>> c = torch.tensor([[-1.0, 1.0]])
    >>> rescaled(3 * c, c, 1.0), rescaled(3 * c, c, 0.5)
    (tensor([[-1.,  1.]]), tensor([[-2.,  2.]]))
    """
    if phi == 0:
        return eps
    values = tuple(range(1, c.ndim))
    wide, narrow = (x.std(dim=values, keepdim=True, correction=0) for x in (eps, c))
    factor = torch.where(wide > 0, narrow / wide, 1.0)
    return phi * eps * factor + (1 - phi) * eps


class IdAwareGuidance(BaseGuidance):
    """Guides with c = eps(x|T,I), u = eps(x|negative T,I) and the weak w = weak(x|T, no I, blocks skipped).

    A step runs only the branches that its weights need: ``pred_cond`` always, ``pred_uncond`` if W_c > 0, ``pred_weak`` if
    W_i > 0 and the identity delta d = c - w is due. With ``reuse_every`` = k it is due in the ``first_steps`` of
    the identity window and in every k-th; in between, the last delta is used with fresh c and u.

    For a distilled model, which was trained without classifier-free guidance, W_c is 0: c and w are the only branches, and
    u is never computed.

    Args:
        text_weight: W_c >= 0, the classifier-free guidance scale minus one.
        identity_weight: W_i >= 0.
        skip_layers: transformer blocks that the weak branch leaves out.
        text_schedule, identity_schedule: fields of :class:`~tpige_kedro.schemas.Schedule`, for W_c and W_i.
        reuse_every: k >= 1.
        first_steps: how many steps at the start of the identity window always compute d, 1 or more.
        rescale: phi of :func:`rescaled`, in [0, 1]; 0 leaves the prediction as it is.

    Raises:
        pydantic.ValidationError: (a ``ValueError``) naming the key and its value.
    """

    # diffusers declares it as None
    _input_predictions: ClassVar = ["pred_cond", "pred_uncond", "pred_weak"]  # type: ignore[misc, assignment]

    @register_to_config  # type: ignore[untyped-decorator]  # diffusers gives it no types
    def __init__(
        self,
        *,
        text_weight: float = 4.0,
        identity_weight: float = 0.5,
        skip_layers: tuple[int, ...] = (),
        text_schedule: dict[str, Any] | None = None,
        identity_schedule: dict[str, Any] | None = None,
        reuse_every: int = 1,
        first_steps: int = FIRST_STEPS,
        rescale: float = 0.0,
    ) -> None:
        super().__init__()
        self.settings = Guidance.model_validate(
            {
                "text_weight": text_weight,
                "identity_weight": identity_weight,
                "skip_layers": skip_layers,
                "text_schedule": text_schedule or {},
                "identity_schedule": identity_schedule or {},
                "reuse_every": reuse_every,
                "first_steps": first_steps,
                "rescale": rescale,
            }
        )
        self.forwards: Counter[str] = Counter()
        self._delta: torch.Tensor | None = None
        self._skipping = ExitStack()

    def weights(self) -> tuple[float, float]:
        """W_c and W_i at the current step."""
        if not self._enabled:
            return 0.0, 0.0
        s = self.settings
        return (
            s.text_weight * factor(s.text_schedule, *self._position),
            s.identity_weight * factor(s.identity_schedule, *self._position),
        )

    def delta_is_due(self) -> bool:
        """Whether the current step computes a new identity delta."""
        s = self.settings
        return is_due(s.identity_schedule, *self._position, s.reuse_every, s.first_steps)

    def branches(self) -> list[str]:
        """The predictions that the current step needs, in the order in which they run."""
        text_weight, identity_weight = self.weights()
        needed = {
            "pred_cond": True,
            "pred_uncond": text_weight > 0,
            "pred_weak": identity_weight > 0 and self.delta_is_due(),
        }
        return [name for name, is_needed in needed.items() if is_needed]

    def forward(
        self,
        pred_cond: torch.Tensor,
        *,
        pred_uncond: torch.Tensor | None = None,
        pred_weak: torch.Tensor | None = None,
    ) -> GuiderOutput:
        """Combine the predictions of this step (any float type) to one in float32."""
        c = pred_cond.float()
        u = None if pred_uncond is None else pred_uncond.float()
        d = self.identity_delta(c, pred_weak)
        eps = guide(c, u, d, *self.weights())
        if eps is not c:  # a step without guidance is the conditional prediction to the bit
            eps = rescaled(eps, c, self.settings.rescale)
        return GuiderOutput(pred=eps, pred_cond=pred_cond, pred_uncond=pred_uncond)

    def identity_delta(
        self, c: torch.Tensor, pred_weak: torch.Tensor | None
    ) -> torch.Tensor | None:
        """d = c - w: fresh if the weak branch ran, else the last one; ``None`` if W_i is zero."""
        if pred_weak is not None:
            self._delta = c - pred_weak.float()
        if self.weights()[1] == 0:
            return None
        if self._delta is None:
            raise RuntimeError(
                "the identity delta should be reused, but no step of this run computed one"
            )
        return self._delta

    # --- other ways to build one ---

    @classmethod
    def from_settings(cls, guidance: Guidance, **options: float) -> Self:
        """The guider of a variant. It ignores ``weak_branch``, which decides the inputs of the weak branch."""
        guider: Self = cls(**guidance.model_dump(exclude={"weak_branch"}), **options)
        return guider

    @classmethod
    def paper(
        cls,
        text_weight: float = 4.0,
        identity_weight: float = 0.5,
        skip_layers: tuple[int, ...] = (2,),
    ) -> Self:
        """Eq. 3 as printed, its W_c read as the usual guidance scale 5 minus one: 5.5 c - 4 u - 0.5 w."""
        guider: Self = cls(
            text_weight=text_weight, identity_weight=identity_weight, skip_layers=skip_layers
        )
        return guider

    @classmethod
    def reference_code(
        cls, cfg: float = 5.0, g: float = 0.5, skip_layers: tuple[int, ...] = (2,)
    ) -> Self:
        """What the authors' code computes: p = u + cfg (c - u), then p + g (p - w); 7.5 c - 6 u - 0.5 w.

        It is Eq. 3 with W_c = (1 + g)(cfg - 1) and W_i = g, so that g also raises the plain guidance scale, from 5 to 7.
        """
        guider: Self = cls(
            text_weight=(1 + g) * (cfg - 1), identity_weight=g, skip_layers=skip_layers
        )
        return guider

    # --- bookkeeping of diffusers' guider interface ---

    def set_state(self, step: int, num_inference_steps: int, timestep: torch.LongTensor) -> None:
        """Enter ``step``; the first step of a run forgets the delta of the previous run."""
        super().set_state(step, num_inference_steps, timestep)
        if step == 0:
            self._delta = None

    def prepare_inputs(self, data: dict[str, Any]) -> list[Any]:
        """One batch per branch; each value of ``data`` is a tensor for all or a tuple with one entry per prediction."""
        return [
            self._prepare_batch(data, self._input_predictions.index(name), name)
            for name in self.branches()
        ]

    def prepare_inputs_from_block_state(self, data: Any, input_fields: dict[str, Any]) -> list[Any]:
        """One batch per branch; each value of ``input_fields`` is a name in ``data`` or a tuple of names, one per prediction."""
        return [
            self._prepare_batch_from_block_state(
                input_fields, data, self._input_predictions.index(name), name
            )
            for name in self.branches()
        ]

    def prepare_models(self, denoiser: nn.Module) -> None:
        """Before a branch runs on ``denoiser``: skip the blocks if it is the weak branch."""
        name = self.branches()[self._count_prepared]
        super().prepare_models(denoiser)
        self.forwards[name] += 1
        if name == "pred_weak":
            self._skipping.enter_context(skipped_layers(denoiser, self.settings.skip_layers))

    def cleanup_models(self, denoiser: nn.Module) -> None:
        """After a branch ran (or raised): restore ``denoiser``."""
        self._skipping.close()

    @property
    def _position(self) -> tuple[int, int]:
        """The current step and the number of steps; before a run, the first of one."""
        return self._step or 0, self._num_inference_steps or 1

    @property
    def num_conditions(self) -> int:
        """How many forwards the current step runs."""
        return len(self.branches())

    @property
    def is_conditional(self) -> bool:
        """Whether the branch being prepared sees the prompt."""
        prepared = int(self._count_prepared)
        return self.branches()[max(prepared - 1, 0)] != "pred_uncond"
