"""What parameters and tables may hold, checked before the first node runs: one file a noun.

Nothing here loads a model or reads a file; every other room imports from here, and this one from none of them.
"""

from __future__ import annotations

from tpige_kedro.schemas.base import (
    SAFE_ID,
    Consent,
    Fraction,
    GiB,
    Name,
    Names,
    Noise,
    Settings,
    Weight,
    meant,
    refuse_repeated,
)
from tpige_kedro.schemas.execution import Execution, MlflowChange, Provenance
from tpige_kedro.schemas.guidance import FIRST_STEPS, Guidance, Schedule
from tpige_kedro.schemas.models import MemoryNeed, ModelSpec
from tpige_kedro.schemas.parameters import Parameters, draw_problems, noise_problems, with_noise
from tpige_kedro.schemas.stages import (
    Moe,
    PromptEnhancement,
    ReferenceEnhancement,
    Reporting,
    Scoring,
)
from tpige_kedro.schemas.study import Study
from tpige_kedro.schemas.variants import SweepPoint, Variant

__all__ = [
    "FIRST_STEPS",
    "SAFE_ID",
    "Consent",
    "Execution",
    "Fraction",
    "GiB",
    "Guidance",
    "MemoryNeed",
    "MlflowChange",
    "ModelSpec",
    "Moe",
    "Name",
    "Names",
    "Noise",
    "Parameters",
    "PromptEnhancement",
    "Provenance",
    "ReferenceEnhancement",
    "Reporting",
    "Schedule",
    "Scoring",
    "Settings",
    "Study",
    "SweepPoint",
    "Variant",
    "Weight",
    "draw_problems",
    "meant",
    "noise_problems",
    "refuse_repeated",
    "with_noise",
]
