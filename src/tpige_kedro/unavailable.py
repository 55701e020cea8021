"""Stands in the configuration for a model whose code is not part of this version, so that no other runs in its place unseen."""

from __future__ import annotations

from tpige_kedro.errors import ModelError


class Unavailable:
    """Refuses to be built: :class:`ModelError` says what is missing and what can be done without it."""

    def __init__(self, what: str, remedy: str) -> None:
        raise ModelError(f"{what} is not part of this version of tpige_kedro; {remedy}")
