"""All parameters as one typed object, checked as a whole."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from tpige_kedro.schemas.base import Consent, Name, Settings, meant, refuse_repeated
from tpige_kedro.schemas.execution import Execution, MlflowChange, Provenance
from tpige_kedro.schemas.models import ModelSpec
from tpige_kedro.schemas.stages import (
    Moe,
    PromptEnhancement,
    ReferenceEnhancement,
    Reporting,
    Scoring,
)
from tpige_kedro.schemas.study import Study
from tpige_kedro.schemas.variants import Variant


class Parameters(Settings):
    """Everything under ``parameters*.yml``, checked as a whole before anything else happens."""

    seed: Annotated[int, Field(ge=0, lt=2**63)] = 0
    consent: Consent | None = None
    models: dict[Name, ModelSpec]
    variants: Annotated[dict[Name, Variant], Field(min_length=1)]
    run_variants: tuple[Name, ...] | None = (
        None  # only these are made, scored, selected among and shown; null: all
    )
    prompt_enhancement: PromptEnhancement
    reference_enhancement: ReferenceEnhancement
    scoring: Scoring
    moe: Moe
    reporting: Reporting = Reporting()
    study: Study = Study()
    execution: Execution = Execution()
    provenance: Provenance = Provenance()
    # typed where it is used, by the pipeline of that name
    train_mini: dict[str, Any] = Field(default_factory=dict)
    verify: Literal["stat", "full"] = "stat"  # full: hash every file instead of trusting its time
    allow_cpu: bool = False  # on the command line: run models that expect a GPU without one
    strict: bool = (
        False  # stop where a model is missing, instead of skipping the variants that need it
    )
    wait: bool = False  # until another run that writes to data_root has ended
    data_root: str | None = None  # on the command line: where data/ is
    samples_root: str | None = (
        None  # on the command line: the folder with samples.csv and references/
    )
    sample_list: str | None = None  # on the command line: a CSV file that lists which samples
    mlflow: MlflowChange = MlflowChange()
    clips_root: str | None = None  # on the command line: a folder of clips made elsewhere

    @field_validator("run_variants")
    @classmethod
    def _each_once(cls, names: tuple[str, ...] | None) -> tuple[str, ...] | None:
        return None if names is None else refuse_repeated(names)

    @model_validator(mode="after")
    def _names_exist(self) -> Parameters:
        wanted = {f"variants.{name}.generator": v.generator for name, v in self.variants.items()}
        wanted["prompt_enhancement.reader"] = self.prompt_enhancement.reader
        wanted["reference_enhancement.editor"] = self.reference_enhancement.editor
        wanted |= {f"scoring.scorers[{i}]": name for i, name in enumerate(self.scoring.scorers)}
        if self.scoring.set_scorer is not None:
            wanted["scoring.set_scorer"] = self.scoring.set_scorer
        wanted["reference_enhancement.judge"] = self.reference_enhancement.judge
        if self.reference_enhancement.writer is not None:
            wanted["reference_enhancement.writer"] = self.reference_enhancement.writer
        problems = [
            f"{key}: no model {name!r} under models (there are {sorted(self.models)}){meant(name, self.models)}"
            for key, name in wanted.items()
            if name not in self.models
        ]
        problems += [
            f"moe.experts: no variant {name!r} under variants (there are {sorted(self.variants)}){meant(name, self.variants)}"
            for name in self.moe.experts
            if name not in self.variants
        ]
        problems += [
            f"variants.{name}: this name stands for the selection in the tables; choose another"
            for name in ("moe", "best_of_n", "moe_held_out")
            if name in self.variants
        ]
        problems += draw_problems(self) + noise_problems(self)
        compared = [v for pair in self.moe.comparisons for v in pair] + [self.moe.baseline]
        problems += [
            f"moe.baseline, moe.comparisons: no variant {name!r} under variants (there are {sorted(self.variants)}){meant(name, self.variants)}"
            for name in compared
            if name is not None and name not in self.variants
        ]
        if problems:
            raise ValueError("\n".join(problems))
        return self


def with_noise(variants: Mapping[str, Variant], moe: Moe) -> dict[str, Variant]:
    """The variants as the stages see them: if ``moe.noise`` is own, each variant that does not say otherwise has its own noise.

    >>> variants = {"a": Variant(generator="wan"), "b": Variant(generator="wan", noise="shared")}
    >>> [v.noise for v in with_noise(variants, Moe(experts=("a", "b"), noise="own")).values()]
    ['own', 'shared']
    """
    if moe.noise == "shared":
        return dict(variants)
    return {n: v.model_copy(update={"noise": v.noise or moe.noise}) for n, v in variants.items()}


def noise_problems(parameters: Parameters) -> list[str]:
    """Variants that would not get their own noise, because their model gives all clips the same."""
    return [
        f"{f'variants.{name}' if variant.noise else 'moe'}.noise: variants.{name} cannot start from noise of its own, since "
        f"models.{variant.generator} gives all clips the same (options.shared_noise); set shared_noise: null there, or "
        "noise: shared for this variant"
        for name, variant in parameters.variants.items()
        if (variant.noise or parameters.moe.noise) == "own"
        and variant.generator in parameters.models
        and parameters.models[variant.generator].options.get("shared_noise") is not None
    ]


def draw_problems(parameters: Parameters) -> list[str]:
    """Draws that would be no draws: noise shared by all clips, or an equal budget of different variants."""
    variants, models = parameters.variants, parameters.models
    problems = [
        f"variants.{name}.draw: models.{variant.generator} gives all clips the same noise (options.shared_noise), so that every "
        "draw would be the same clip; use a model entry without shared_noise"
        for name, variant in variants.items()
        if variant.draw
        and variant.generator in models
        and models[variant.generator].options.get("shared_noise") is not None
    ]
    draws = parameters.moe.equal_budget
    unknown = [name for name in draws if name not in variants]
    if unknown:
        return [*problems, f"moe.equal_budget: no variants {unknown} under variants"]
    same = {variants[name].model_copy(update={"draw": 0}).model_dump_json() for name in draws}
    if len(same) > 1 or len({variants[name].draw for name in draws}) < len(draws):
        problems.append(
            "moe.equal_budget: its variants must be equal in everything but draw, and each must have its own draw"
        )
    return problems
