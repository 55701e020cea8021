"""A model entry: its class, weights, licence, and the memory it needs."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from tpige_kedro.schemas.base import GiB, Settings


class MemoryNeed(Settings):
    """The most memory that a model was measured to need, in GiB: of its GPU, and of the host. None: nobody measured it.

    A model that states ``gpu`` expects a GPU. ``holds_for`` are the options that save memory (``offload``, ``free_text_encoder``, …)
    as they were then: where the model has others, the sizes say nothing, and are not compared.
    """

    gpu: GiB | None = None
    host: GiB | None = None
    holds_for: dict[str, Any] = Field(default_factory=dict)


class ModelSpec(Settings):
    """One model: the class that runs it, where its weights are, and under which licence.

    ``source`` is a local folder (relative to the project) or a hub id; ``revision`` pins a hub id.
    A service has no ``source``. ``options`` go to the class as keyword arguments. ``memory`` is what it needs with these
    options; a run that finds less stops before it begins.
    """

    type: str
    licence: str
    source: str | None = None
    revision: str | None = None
    # environment variables without which the model is skipped, e.g. a key
    needs: tuple[str, ...] = ()
    options: dict[str, Any] = Field(default_factory=dict)
    memory: MemoryNeed = MemoryNeed()
    unavailable: str = ""  # why this run goes on without it; filled in by the checks before the run
