"""The samples whose clips are evaluated."""

from __future__ import annotations

import pandas as pd

from tpige_kedro.datasets.pictures import Pictures
from tpige_kedro.pipelines.prompt_enhancement.samples import sort_samples


def check_evaluated_samples(
    samples: pd.DataFrame, references: Pictures, consent: str | None
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The samples that can be scored, and what is wrong with the others.

    Consent is not asked for: nothing new is made of the person. The table has a place of its own in the catalog, so that no later
    run generates from it.
    """
    return sort_samples(samples, references, consent, consent_needed=False)
