"""Partitioned datasets as nodes see them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from PIL.Image import Image

Records = Mapping[str, Callable[[], dict[str, Any]]]  # by key, loaded when called
Pictures = Mapping[str, Callable[[], Image]]


def of_variant(completed: Mapping[str, str], name: str) -> dict[str, str]:
    """The entries ``<name>/<sample_id>`` of a completion index, by sample."""
    prefix = f"{name}/"
    return {
        key.removeprefix(prefix): mark for key, mark in completed.items() if key.startswith(prefix)
    }
