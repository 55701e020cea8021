"""Small helpers of the stages that work on keys of partitions."""

from __future__ import annotations

from collections.abc import Mapping


def of_variant(completed: Mapping[str, str], name: str) -> dict[str, str]:
    """The entries ``<name>/<sample_id>`` of a completion index, by sample."""
    prefix = f"{name}/"
    return {
        key.removeprefix(prefix): mark for key, mark in completed.items() if key.startswith(prefix)
    }
