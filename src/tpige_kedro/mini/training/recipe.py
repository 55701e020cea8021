"""How much of everything: sizes, step counts and proportions of the training, in one place."""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Recipe:
    """The shipped training. Step counts are fixed, so that a seed repeats."""

    seed: int = 0
    frames: int = 17
    clips: int = 40_000
    stills: int = 10_000
    render_batch: int = 250

    vae_single_steps: int = 1_800  # on single frames
    vae_clip_steps: int = 3_400  # on nine-frame cuts, mixed with some single frames
    vae_single_batch: int = 96
    vae_clip_batch: int = 16

    decoder_clips: int = 12_000  # rendered separately for the decoder; a third as many stills
    decoder_unseen: int = 192  # clips of other people, to measure it
    decoder_steps: int = 4_000
    decoder_batch: int = 8  # whole clips

    vace_steps: int = 9_500
    phantom_steps: int = 3_600
    flow_batch: int = 256

    distilled_clips: int = 16_384  # that the teacher makes
    distilled_unseen: int = 128  # of them, not trained on
    distilled_steps: int = 1_500
    distilled_batch: int = 128  # of rollouts of four steps; half of eight
    distilled_lr: float = 1e-3
    distilled_decay: float = 0.99  # of the average of the weights
    distilled_minutes: float = 0.0  # if set, fewer clips and steps, so that it ends in time
    distilled_share_clause: float = 0.75
    share_eight_steps: float = 0.3
    lora_rank: int = 6
    teacher_text_weight: float = 1.0  # that of conf/base
    teacher_substeps: int = 2  # of the teacher between two of eight levels
    teacher_batch: int = 512

    # the share of each kind of training item
    share_no_reference: float = 0.10
    share_attire_reference: float = 0.28  # the rest has a plain portrait
    share_clause: float = 0.55
    share_text_dropped: float = 0.10
    share_blank_reference: float = 0.04
    # Planted by design: how often a hiding role shows the face (the paper's failure case and its cure)
    open_with_clause: float = 0.95
    open_with_attire_reference: float = 0.90
    open_with_plain_reference: float = 0.30
    open_without_reference: float = 0.05

    def scaled(self, factor: float) -> Recipe:
        """The same training with ``factor`` of the items and steps, for smoke runs."""
        counts = (
            "clips",
            "stills",
            "vae_single_steps",
            "vae_clip_steps",
            "decoder_clips",
            "decoder_unseen",
            "decoder_steps",
            "vace_steps",
            "phantom_steps",
            "distilled_clips",
            "distilled_unseen",
            "distilled_steps",
        )
        smaller = {name: max(2, int(getattr(self, name) * factor)) for name in counts}
        return replace(self, **smaller)


TINY = replace(
    Recipe(),
    frames=9,
    clips=6,
    stills=6,
    render_batch=8,
    share_no_reference=0.5,  # so that each kind is among so few
    vae_single_steps=1,
    vae_clip_steps=1,
    vae_single_batch=2,
    vae_clip_batch=1,
    decoder_clips=4,
    decoder_unseen=2,
    decoder_steps=1,
    decoder_batch=1,
    vace_steps=3,
    phantom_steps=2,
    flow_batch=2,
    distilled_clips=4,
    distilled_unseen=1,
    distilled_steps=2,
    distilled_batch=1,
    lora_rank=2,
    teacher_substeps=1,
    teacher_batch=4,
)


def make_recipe(seed: int, factor: float = 1.0, tiny: bool = False) -> Recipe:
    """The shipped training with another seed, ``factor`` of it, or a few steps of everything."""
    return replace(TINY, seed=seed) if tiny else Recipe(seed=seed).scaled(factor)
