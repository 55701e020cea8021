"""The settings of a blind pairwise study."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, field_validator

from tpige_kedro.schemas.base import Fraction, Name, Settings, refuse_repeated


class Study(Settings):
    """A blind study: raters see two clips of one sample side by side and say which is better (paper section 4, user study).

    ``variants`` take part (None: all that the run made). ``pairs`` is how many comparisons are drawn (None: all pairs of variants
    on all samples); a smaller number is balanced over variants, pairs of variants and samples. Shares of them are shown to the same
    rater twice: ``repeats`` with the same sides, ``swapped_repeats`` with the sides changed; ``attention`` pairs show a clip against
    its obviously damaged copy. A rater who answers fewer of these correctly than ``minimum_attention`` is left out of the results,
    which the tables also show with everybody.

    ``questions`` are asked of each pair; their words, and those of the page, are in the file of the ``language``. A rater is given
    ``pairs_per_rater`` pairs (None: all), those with the fewest votes first, and offered a break after ``break_after``.
    """

    variants: Annotated[tuple[Name, ...], Field(min_length=2)] | None = None
    pairs: Annotated[int, Field(ge=1)] | None = None
    repeats: Fraction = 0.05
    swapped_repeats: Fraction = 0.05
    attention: Fraction = 0.05
    minimum_attention: Fraction = 0.75
    questions: Annotated[tuple[Name, ...], Field(min_length=1)] = ("overall",)
    language: str = "en"
    pairs_per_rater: Annotated[int, Field(ge=1)] | None = 60
    break_after: Annotated[int, Field(ge=1)] = 20

    @field_validator("variants", "questions")
    @classmethod
    def _each_once(cls, names: tuple[str, ...] | None) -> tuple[str, ...] | None:
        return None if names is None else refuse_repeated(names)
