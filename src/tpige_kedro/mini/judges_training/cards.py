"""Model cards: what a small network is for, how it was trained and what it measured, beside its weights."""

from __future__ import annotations

from dataclasses import dataclass

DECODED = """Half of the pictures went through the mini VAE with noise on the latents, so that
generated clips are read as well as rendered ones."""
RENDERED = "All pictures were rendered, none went through the mini VAE."


@dataclass(frozen=True)
class Card:
    """``numbers`` were measured at the end of training, on people whom no training pool shows."""

    title: str
    purpose: str
    training: str
    measured_on: str
    numbers: dict[str, float]

    def text(self, seed: int, commit: str, decoded: bool) -> str:
        """The card as Markdown; ``decoded``: the mini VAE took part."""
        pictures = DECODED if decoded else RENDERED
        rows = "\n".join(f"| {name} | {value:.4g} |" for name, value in self.numbers.items())
        return f"""---
license: apache-2.0
---
# {self.title}

{self.purpose}

It knows drawn people only; on photographs of real people its answers mean nothing.

**Training.** {self.training} Seed {seed}; code commit {commit}. {pictures} Weights are stored as float16.

**Measured** on {self.measured_on}:

| measure | value |
|---|---|
{rows}

Licence: Apache-2.0. No picture of a real person was used.
"""
