"""One row per sample: what went in, what the enhancement stages made of it, and which variant was chosen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from tpige_kedro.datasets.items import Item
from tpige_kedro.further import COLUMNS as FURTHER

CHOICE = ["variant", "overall", "reason"]
COLUMNS = [
    "sample_id",
    "person_id",
    "prompt",
    "enhanced_prompt",
    "reference",
    "reference_hash",
    "enhanced_reference",
    *CHOICE,
]


def overview_samples(
    checked_samples: pd.DataFrame,
    enhanced_prompts: pd.DataFrame,
    enhanced_references: Mapping[str, Item],
    selection: pd.DataFrame,
) -> pd.DataFrame:
    """A row per checked sample, in their order.

    Returns:
        ``sample_id, person_id, prompt, reference, reference_hash``; ``enhanced_prompt`` and ``enhanced_reference`` (what became
        of the reference), empty where there is none; ``variant``, ``overall`` and ``reason`` of the selection.
    """
    ids = checked_samples["sample_id"]
    texts = enhanced_prompts["sample_id"], enhanced_prompts["enhanced_prompt"]
    prompts = dict(zip(*texts, strict=True))
    labels = {key: enhanced_label(item.record()) for key, item in enhanced_references.items()}
    choices = selection.set_index("sample_id")[CHOICE].reindex(ids)
    table = checked_samples.assign(
        enhanced_prompt=[prompts.get(key, "") for key in ids],
        enhanced_reference=[labels.get(key, "") for key in ids],
        **{name: choices[name].to_numpy() for name in CHOICE},
    )
    return table[[*COLUMNS, *(name for name in FURTHER if name in table)]]


def enhanced_label(record: Mapping[str, Any]) -> str:
    """Whether the reference was redrawn, and how similar it is to the original (cosine of the judge's embeddings).

    >>> enhanced_label({"chosen": "enhanced", "similarity": 0.8264})
    'enhanced reference, similarity to the original 0.826'
    """
    if record.get("chosen") == "original":
        reason = record.get("reason")
        return "enhanced reference: the original was kept" + (f" ({reason})" if reason else "")
    similarity = record.get("similarity")
    suffix = f", similarity to the original {similarity:.3f}" if similarity is not None else ""
    return f"enhanced reference{suffix}"
