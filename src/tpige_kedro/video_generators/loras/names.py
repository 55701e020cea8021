"""What the modules of a Wan transformer are called: here as in diffusers, in Wan's own files, in kohya's."""

from __future__ import annotations

import re

from torch import nn

# diffusers' name of a module, and that of the Wan authors
OUTSIDE = {
    "condition_embedder.time_embedder.linear_1": "time_embedding.0",
    "condition_embedder.time_embedder.linear_2": "time_embedding.2",
    "condition_embedder.text_embedder.linear_1": "text_embedding.0",
    "condition_embedder.text_embedder.linear_2": "text_embedding.2",
    "condition_embedder.time_proj": "time_projection.1",
    "proj_out": "head.head",
    "": "head",  # of the table of scales and shifts before the last layer
}
INSIDE = {
    "attn1": "self_attn",
    "attn2": "cross_attn",
    "to_q": "q",
    "to_k": "k",
    "to_v": "v",
    "to_out.0": "o",
    "ffn.net.0.proj": "ffn.0",
    "ffn.net.2": "ffn.2",
    "norm2": "norm3",
    "proj_in": "before_proj",
    "proj_out": "after_proj",
}
BLOCK = re.compile(r"((?:vace_)?blocks\.\d+)\.(.+)")


def native_name(module: str) -> str:
    """What the Wan authors call a module of diffusers' transformer.

    >>> (
    ...     native_name("blocks.0.attn1.to_out.0"),
    ...     native_name("vace_blocks.1.proj_out"),
    ...     native_name("proj_out"),
    ... )
    ('blocks.0.self_attn.o', 'vace_blocks.1.after_proj', 'head.head')
    """
    found = BLOCK.fullmatch(module)
    if found is None:
        return OUTSIDE.get(module, module)
    inner = found[2]
    if inner.startswith("attn"):
        attention, _, rest = inner.partition(".")
        return f"{found[1]}.{INSIDE[attention]}.{INSIDE.get(rest, rest)}"
    return f"{found[1]}.{INSIDE.get(inner, inner)}"


def spellings(transformer: nn.Module) -> dict[str, str]:
    """Every name that a file may have for a module with weights of its own, and the module's path in ``transformer``.

    kohya's files have underscores for dots.
    """
    known: dict[str, str] = {}
    for path, module in transformer.named_modules():
        if any(parameter is not None for parameter in module._parameters.values()):
            for name in (path, native_name(path)):
                known[name] = known[name.replace(".", "_")] = path
    return known
