"""What all settings share: strict types, ranges, and messages about names."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Annotated, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from tpige_kedro.nearest import nearest

SAFE_ID = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$"  # of samples and persons: ids become file names
Fraction = Annotated[float, Field(ge=0, le=1)]
Weight = Annotated[float, Field(ge=0)]
Name = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_]*$")]
Noise = Literal["shared", "own"]


class Settings(BaseModel):
    """Base of all parameter models: unknown keys are errors, values never change."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


def meant(name: str, known: Iterable[str]) -> str:
    """Ends a message about an unknown name with the one that was probably meant, if there is one."""
    found = nearest(name, known)
    return f"; did you mean {found}?" if found else ""


Names = TypeVar("Names", bound=Sequence[str])


def refuse_repeated(names: Names) -> Names:
    """``names``, each of which may be there once. Raises ``ValueError``."""
    repeated = [name for name in dict.fromkeys(names) if list(names).count(name) > 1]
    if repeated:
        raise ValueError(f"{', '.join(repeated)} appears more than once; name it once")
    return names


GiB = Annotated[float, Field(gt=0)]
Consent = Literal["granted", "synthetic", "absent"]
