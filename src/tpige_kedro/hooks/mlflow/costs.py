"""What clips cost, from their records: seconds per clip, and GPU hours of a variant, whichever runs made them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any


def clip_costs(records: Iterable[Mapping[str, Any]], gpus: float = 1.0) -> dict[str, float]:
    """``seconds_per_clip``, and ``gpu_hours`` of all clips that were made on a GPU, each on ``gpus`` of them.

    Records without seconds, such as those of imported clips, do not count.

    >>> clip_costs([{"seconds": 30, "environment": {"device": "NVIDIA H200"}}] * 2, gpus=2)
    {'seconds_per_clip': 30.0, 'gpu_hours': 0.03333333333333333}
    >>> clip_costs([{"seconds": 3, "environment": {"device": "cpu"}}]), clip_costs([])
    ({'seconds_per_clip': 3.0}, {})
    """
    timed = [record for record in records if "seconds" in record]
    if not timed:
        return {}
    found = {"seconds_per_clip": sum(float(r["seconds"]) for r in timed) / len(timed)}
    on_gpus = [float(r["seconds"]) for r in timed if _device(r) not in {"cpu", None}]
    return found | ({"gpu_hours": gpus * sum(on_gpus) / 3600} if on_gpus else {})


def _device(record: Mapping[str, Any]) -> Any:
    return (record.get("environment") or {}).get("device")
