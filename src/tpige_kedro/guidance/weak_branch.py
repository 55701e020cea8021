"""What the weak branch of VACE sees instead of the reference (the ``no I`` of paper section 3.4), in five forms.

The control tensor of VACE is (B, 96, R + F, h, w): [inactive 16 | reactive 16 | mask 64] for R reference frames, then F
video frames. A form decides what takes the place of the R frames:

* ``as_published``: nothing. The control has F frames, the model pads its *tokens* at the end, so every context frame sits
  one reference too early and the last R frames have none. What the authors' code does.
* ``aligned``: R frames of zeros; shapes and positions stay.
* ``blank_reference``: R frames of an encoded white canvas, the background that references have in training.
* ``t2v``: VACE is off and the reference frames of x_t are dropped: the frozen plain Wan that VACE was trained on (:func:`plain_twin`).
* ``with_reference``: the reference stays; the weak branch is weak through ``skip_layers`` only.
"""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from diffusers import WanTransformer3DModel, WanVACETransformer3DModel

SHARED_PARTS = (
    "rope",
    "patch_embedding",
    "condition_embedder",
    "blocks",
    "norm_out",
    "proj_out",
    "scale_shift_table",
)


def weak_control(
    form: str, control: torch.Tensor, references: int, blank: torch.Tensor | None = None
) -> torch.Tensor | None:
    """The control tensor of the weak branch, or ``None`` for ``t2v``, which takes none.

    Args:
        form: one of the five forms.
        control: (B, 96, R + F, h, w), the control of the conditional branch.
        references: R.
        blank: (1, 16, 1, h, w), the latent of the white canvas; needed by ``blank_reference`` only.
    """
    if form == "t2v":
        return None
    if form == "with_reference" or references == 0:
        return control
    if form == "as_published":
        return control[:, :, references:]
    weak = control.clone()
    weak[:, :, :references] = 0
    if form == "aligned":
        return weak
    if form == "blank_reference" and blank is not None:
        weak[:, : blank.shape[1], :references] = blank.to(weak)
        return weak
    raise ValueError(f"guidance.weak_branch: unknown form {form!r}, or no blank reference given")


def plain_twin(vace: WanVACETransformer3DModel) -> WanTransformer3DModel:
    """The plain Wan model inside ``vace``: shares every module and weight, so it needs no memory of its own.

    Build it before offloading or parallel hooks are put on ``vace``.
    """
    from diffusers import WanTransformer3DModel

    known = inspect.signature(WanTransformer3DModel.__init__).parameters
    config: dict[str, Any] = {key: value for key, value in vace.config.items() if key in known}
    with torch.device("meta"):
        twin = WanTransformer3DModel(**config)
    for part in SHARED_PARTS:
        setattr(twin, part, getattr(vace, part))
    return twin.train(vace.training)


def fill_reference_frames(weak: torch.Tensor, cond: torch.Tensor) -> torch.Tensor:
    """``weak`` with the leading frames it lacks taken from ``cond``: where nothing was predicted, nothing is guided."""
    missing = cond.shape[2] - weak.shape[2]
    return weak if missing == 0 else torch.cat([cond[:, :, :missing].to(weak), weak], dim=2)
