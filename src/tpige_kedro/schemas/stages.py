"""The settings of the stages, in the order in which they run."""

from __future__ import annotations

from string import Formatter
from typing import Annotated, Literal

from pydantic import Field, field_validator

from tpige_kedro.schemas.base import Fraction, Name, Noise, Settings, Weight, refuse_repeated


class PromptEnhancement(Settings):
    """Stage 1, paper section 3.2: who reads the face, and what may go into the prompt.

    Mode ``attributes`` inserts a clause of what was read. In mode ``rewrite`` the reader writes the caption itself. It gets up to
    ``attempts`` tries, each with what was wrong with the last one; if none passes, the clause is inserted instead. Attributes read with
    less than ``minimum_confidence`` stay out of the clause. A prompt with more than ``max_added_words`` new words is refused.
    """

    reader: Name
    mode: Literal["attributes", "rewrite"] = "attributes"
    attempts: Annotated[int, Field(ge=1, le=10)] = 3
    minimum_confidence: Fraction = 0.5
    max_added_words: Annotated[int, Field(ge=1)] = 40


class ReferenceEnhancement(Settings):
    """Stage 2, paper section 3.3: who redraws the reference, how often, and when the original is kept.

    ``writer`` writes by which words (None: they are composed by rules). ``candidates`` pictures are drawn per sample; ``judge`` picks one. The original stays where no face is visible or the cosine
    similarity to it is below ``minimum_similarity``.
    """

    editor: Name
    judge: Name
    writer: Name | None = None
    candidates: Annotated[int, Field(ge=1)] = 2
    minimum_similarity: Annotated[float, Field(ge=-1, le=1)] = 0.3
    template: str = "A portrait photo of {role}, {clause}."

    @field_validator("template")
    @classmethod
    def _template_names_the_role(cls, template: str) -> str:
        fields = {name for _, name, _, _ in Formatter().parse(template) if name is not None}
        if "role" not in fields or fields - {"role", "clause"}:
            raise ValueError(
                f"template {template!r} must hold {{role}}, may hold {{clause}}, and nothing else in braces"
            )
        return template


class Scoring(Settings):
    """Stage 4: the models that score (keys of ``models``), and the weights of the overall score (paper section 3.5).
    A metric of weight 0 is no part of it.

    All scorers are in memory together and a clip is decoded once for them; with ``one_family_at_a_time`` one is loaded, scores
    all clips of a variant and is freed before the next, and a clip is decoded once for each. ``set_scorer`` looks at all clips of
    a variant as one set (None: nobody does).
    """

    scorers: Annotated[tuple[Name, ...], Field(min_length=1)]
    set_scorer: Name | None = None
    overall: dict[Name, Weight]
    one_family_at_a_time: bool = False

    @field_validator("scorers")
    @classmethod
    def _each_once(cls, scorers: tuple[str, ...]) -> tuple[str, ...]:
        return refuse_repeated(scorers)

    @field_validator("overall")
    @classmethod
    def _parts(cls, overall: dict[str, float]) -> dict[str, float]:
        """Without metrics of weight 0: how an environment takes out a part that ``conf/base`` has."""
        parts = {name: weight for name, weight in overall.items() if weight}
        if not parts:
            raise ValueError(
                "all weights are zero, so that every clip would score the same; give a metric a weight"
            )
        return parts


class Moe(Settings):
    """Stage 5: the variants that take part in the selection, and how its statistics are computed.

    Every variant is compared with ``baseline``; ``comparisons`` holds further pairs (variant, against). ``equal_budget`` names
    draws of one variant: the best of as many of them as there were experts is the row ``best_of_n``, which shows how much of
    the selection's gain comes from having several clips to choose from.

    ``noise``: ``shared`` starts all variants of a sample from the same noise, so that they differ by the method alone and are compared
    most precisely; ``own`` gives each variant noise of its own, so that the selection has more different clips to choose from.
    """

    experts: Annotated[tuple[Name, ...], Field(min_length=1)]
    baseline: Name | None = None
    comparisons: tuple[tuple[Name, Name], ...] = ()
    equal_budget: tuple[Name, ...] = ()
    noise: Noise = "shared"
    resamples: Annotated[int, Field(ge=100)] = 10_000
    confidence: Annotated[float, Field(gt=0, lt=1)] = 0.95

    @field_validator("experts", "equal_budget")
    @classmethod
    def _each_once(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        return refuse_repeated(names)

    @field_validator("comparisons")
    @classmethod
    def _of_two(cls, pairs: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
        for one, other in pairs:
            if one == other:
                raise ValueError(f"[{one}, {other}] compares a variant with itself; remove it")
        refuse_repeated([f"[{one}, {other}]" for one, other in pairs])
        return pairs


class Reporting(Settings):
    """The report: what it says about the run, how many frames a contact sheet shows per clip, and where clips and pages are.

    ``setting`` says in words what the numbers were made with. The links are relative to the report. ``published`` puts the paper's rows
    beside this run's in the tables of its layout; ``apart`` keeps them in a block of their own, marked as not comparable,
    which is right for all but the paper's models on photos.
    """

    title: str = "TPIGE"
    setting: str = ""
    published: Literal["beside", "apart"] = "apart"
    frames: Annotated[int, Field(ge=1, le=16)] = 4
    clip_link: str = "../07_model_output/clips/{variant}/{sample_id}.mp4"
    page_link: str = "samples/{sample_id}.html"
