"""ID-aware guidance, Eq. 2-3, as settings."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from tpige_kedro.schemas.base import Fraction, Settings, Weight

FIRST_STEPS = 3  # of a guidance window, where predictions move fastest


class Schedule(Settings):
    """How a guidance weight changes over the steps: a decay inside a window [start, stop] of the run, zero outside."""

    decay: Literal["constant", "linear", "cosine", "exponential"] = "constant"
    start: Fraction = 0.0
    stop: Fraction = 1.0
    rate: Annotated[float, Field(gt=0)] = 3.0  # of the exponential: exp(-rate * progress)

    @model_validator(mode="after")
    def _window_is_upright(self) -> Schedule:
        if self.start >= self.stop:
            raise ValueError(f"schedule: start {self.start} must lie before stop {self.stop}")
        return self


class Guidance(Settings):
    """ID-aware guidance, Eq. 2-3: eps = c + W_c (c - u) + W_i (c - w).

    ``text_weight`` is W_c (classifier-free scale minus one), ``identity_weight`` W_i; ``w`` is the weak branch:
    no reference (in the form ``weak_branch``) and the transformer blocks ``skip_layers`` left out. The form
    ``with_reference`` keeps the reference, so that only the layers make it weak. With ``reuse_every`` = k the difference c - w is
    computed in the ``first_steps`` of the identity window and in every k-th, and reused between. ``rescale`` (0: off, to 1) moves the
    standard deviation of eps to that of c.
    """

    text_weight: Weight = 4.0
    identity_weight: Weight = 0.0
    skip_layers: tuple[Annotated[int, Field(ge=0)], ...] = ()
    weak_branch: Literal["as_published", "aligned", "blank_reference", "t2v", "with_reference"] = (
        "as_published"
    )
    text_schedule: Schedule = Schedule()
    identity_schedule: Schedule = Schedule()
    reuse_every: Annotated[int, Field(ge=1)] = 1
    first_steps: Annotated[int, Field(ge=1)] = FIRST_STEPS
    rescale: Fraction = 0.0

    @model_validator(mode="after")
    def _settings_have_an_effect(self) -> Guidance:
        if self.first_steps != FIRST_STEPS and self.reuse_every == 1:
            raise ValueError(
                f"first_steps: {self.first_steps} has no effect without reuse; set reuse_every to 2 or more, or remove it"
            )
        if self.rescale and not (self.text_weight or self.identity_weight):
            raise ValueError(
                f"rescale: {self.rescale:g} has no effect, since text_weight and identity_weight are 0; remove it"
            )
        return self

    def deciding(self) -> dict[str, Any]:
        """What fingerprints see, in JSON types: settings that came later count only where they differ from their defaults.

        Clips that were finished before stay valid.

        >>> Guidance(rescale=0.5).deciding().keys() - Guidance().deciding().keys()
        {'rescale'}
        """
        later = {"first_steps": FIRST_STEPS, "rescale": 0.0}
        settings = self.model_dump(mode="json")
        return {k: v for k, v in settings.items() if k not in later or v != later[k]}
