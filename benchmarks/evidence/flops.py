"""FLOPs of a forward of a published VACE architecture, full and weak: what a saved branch would have cost.

The closed form of what ``torch.utils.flop_counter`` counts (matrix products and attention, two FLOPs a multiply-add); a test
holds it to that on a small model, branch by branch.
"""

from __future__ import annotations

from benchmarks.guidance_cost.models import ARCHITECTURES, REFERENCES, Architecture
from tpige_kedro.schemas import Guidance

PATCH = 4  # latent pixels of a token
CHANNELS, CONTROL_CHANNELS = 16, 96


def block_flops(a: Architecture, tokens: int) -> float:
    """One transformer block: projections of both attentions, feed-forward, attention."""
    width = a.size.heads * a.size.head_dim
    linear = 2 * tokens * (6 * width**2 + 2 * width * a.size.ffn) + 4 * a.text_length * width**2
    return linear + 4 * tokens**2 * width + 4 * tokens * a.text_length * width


def plain_flops(a: Architecture, tokens: int) -> float:
    """The plain Wan model: blocks, patches in and out, the embeddings of text and time."""
    width = a.size.heads * a.size.head_dim
    patches = 2 * 2 * tokens * width * CHANNELS * PATCH
    text = 2 * a.text_length * (a.size.text_dim * width + width**2)
    time = 2 * (a.size.freq_dim * width + 7 * width**2)
    return a.size.layers * block_flops(a, tokens) + patches + text + time


def hint_flops(a: Architecture, tokens: int, control_tokens: int) -> float:
    """The VACE blocks, with a projection behind each and one before the first, and the patches of the control."""
    width = a.size.heads * a.size.head_dim
    blocks = len(range(0, a.size.layers, a.size.hint_every))
    projections = 2 * tokens * width**2 * (blocks + 1)
    patches = 2 * control_tokens * width * CONTROL_CHANNELS * PATCH
    return blocks * block_flops(a, tokens) + projections + patches


def full_flops(a: Architecture) -> float:
    """The conditional or the unconditional branch."""
    return plain_flops(a, a.tokens) + hint_flops(a, a.tokens, a.tokens)


def weak_flops(a: Architecture, guidance: Guidance) -> float:
    """The weak branch in its form: ``t2v`` has no VACE blocks and no reference frame, a skipped layer is a block less."""
    of_frames = a.tokens // (a.latent_frames + REFERENCES) * a.latent_frames
    plain = guidance.weak_branch == "t2v"
    tokens = of_frames if plain else a.tokens
    skipped = len(guidance.skip_layers) * block_flops(a, tokens)
    if plain:
        return plain_flops(a, tokens) - skipped
    control = of_frames if guidance.weak_branch == "as_published" else a.tokens
    return plain_flops(a, tokens) + hint_flops(a, tokens, control) - skipped


def phantom_share(model: str = "14b") -> float:
    """A forward of Phantom, which is the plain Wan model with the reference among its frames, over a full one of VACE."""
    a = ARCHITECTURES[model]
    return plain_flops(a, a.tokens) / full_flops(a)


def weak_share(guidance: Guidance, model: str = "14b") -> float:
    """A forward of the weak branch over a full one."""
    return weak_flops(ARCHITECTURES[model], guidance) / full_flops(ARCHITECTURES[model])
