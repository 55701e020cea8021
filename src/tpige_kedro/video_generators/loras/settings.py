"""What conf says of a LoRA."""

from __future__ import annotations

from pydantic import model_validator

from tpige_kedro.schemas import Settings

ENDING = ".safetensors"


class Lora(Settings):
    """One file that changes the transformer when it is loaded.

    ``source`` is the file, a folder or a hub id; ``weights`` is the file in a folder or repository, and ``revision`` pins a
    hub id. ``scale`` multiplies the change: 1 as trained, 0 for none.
    """

    source: str
    weights: str | None = None
    revision: str | None = None
    scale: float = 1.0

    @model_validator(mode="after")
    def _names_one_file(self) -> Lora:
        if not (self.weights or self.source).endswith(ENDING):
            key, value = ("weights", self.weights) if self.weights else ("source", self.source)
            raise ValueError(
                f"{key} {value!r} is not a {ENDING} file; set weights to the name of the file in the folder or repository"
            )
        return self
