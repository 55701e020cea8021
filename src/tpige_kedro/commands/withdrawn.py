"""Who is in a report and, as the list of samples says now, may no longer be shown."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, get_args

from tpige_kedro.schemas import Consent

if TYPE_CHECKING:
    import pandas as pd


def withdrawn(samples: Iterable[str], listed: pd.DataFrame) -> dict[str, str]:
    """Why samples may not be shown, by id: their consent was taken back, or they were removed from the list.

    A list that has none of the samples is another project's, and says nothing.

    >>> import pandas as pd
    >>> withdrawn(["s1", "s2"], pd.DataFrame({"sample_id": ["s1"], "consent": ["granted"]}))
    {'s2': 'is no longer in the list of samples'}
    """
    if "sample_id" not in listed:
        return {}
    consents = listed["consent"] if "consent" in listed else [""] * len(listed)
    known = {
        str(s): str(c).strip().lower() for s, c in zip(listed["sample_id"], consents, strict=True)
    }
    asked = list(samples)
    if not any(sample in known for sample in asked):
        return {}
    fine = {"", "nan", "none", *get_args(Consent)} - {"absent"}
    found = {}
    for sample in asked:
        if sample not in known:
            found[sample] = "is no longer in the list of samples"
        elif known[sample] not in fine:
            found[sample] = f"the list says consent {known[sample]!r}"
    return found
