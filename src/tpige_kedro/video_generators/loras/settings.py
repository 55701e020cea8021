"""What conf says of a LoRA."""

from __future__ import annotations

from tpige_kedro.schemas import Settings


class Lora(Settings):
    """One file that changes the transformer when it is loaded.

    ``source`` is the file, a folder or a hub id; ``weights`` is the file in a folder or repository, and ``revision`` pins a
    hub id. ``scale`` multiplies the change: 1 as trained, 0 for none.
    """

    source: str
    weights: str | None = None
    revision: str | None = None
    scale: float = 1.0
