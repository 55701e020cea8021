"""The samples whose clips are evaluated."""

from __future__ import annotations

import pandas as pd

from tpige_kedro.pipelines.prompt_enhancement.samples import References, sort_samples

NO_PROMPTS = ("sample_id", "person_id", "prompt", "enhanced_prompt", "clause", "source", "note")


def check_evaluated_samples(
    samples: pd.DataFrame, references: References, consent: str | None
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """The samples that can be scored, what is wrong with the others, and the (empty) table of enhanced prompts.

    Consent is not asked for: nothing new is made of the person. The table has a place of its own in the catalog, so that no later
    run generates from it.
    """
    checked, issues = sort_samples(samples, references, consent, consent_needed=False)
    return checked, issues, pd.DataFrame(columns=list(NO_PROMPTS))
