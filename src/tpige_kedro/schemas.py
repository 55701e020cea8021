"""The nouns of the project as types: what parameters may say, checked before the first node runs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from string import Formatter
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from tpige_kedro.nearest import nearest

SAFE_ID = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$"  # of samples and persons: ids become file names

FIRST_STEPS = 3  # of a guidance window, where predictions move fastest

Fraction = Annotated[float, Field(ge=0, le=1)]
Weight = Annotated[float, Field(ge=0)]
Name = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_]*$")]


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
        raise ValueError(f"{', '.join(repeated)} is there more than once; name it once")
    return names


GiB = Annotated[float, Field(gt=0)]


class MemoryNeed(Settings):
    """The most memory that a model was measured to need, in GiB: of its GPU, and of the host. None: nobody measured it.

    A model that states ``gpu`` expects a GPU.
    """

    gpu: GiB | None = None
    host: GiB | None = None


class ModelSpec(Settings):
    """One model: the class that runs it, where its weights are, and under which licence.

    ``source`` is a local folder (relative to the project) or a hub id; ``revision`` pins a hub id.
    A service has no ``source``. ``options`` go to the class as keyword arguments. ``memory`` is what it needs with these
    options; a run that finds less stops before it begins.
    """

    type: str
    licence: str
    source: str | None = None
    revision: str | None = None
    needs: tuple[
        str, ...
    ] = ()  # environment variables without which the model is skipped, e.g. a key
    options: dict[str, Any] = {}
    memory: MemoryNeed = MemoryNeed()


class Schedule(Settings):
    """How a guidance weight changes over the steps: a decay inside a window [start, stop] of the run, zero outside."""

    decay: Literal["constant", "linear", "cosine", "exponential"] = "constant"
    start: Fraction = 0.0
    stop: Fraction = 1.0
    rate: Annotated[float, Field(gt=0)] = 3.0  # of the exponential: exp(-rate * progress)

    @model_validator(mode="after")
    def _window_is_upright(self) -> Schedule:
        if self.start >= self.stop:
            raise ValueError(f"schedule: start {self.start} must lie before stop {self.stop}")
        return self


class Guidance(Settings):
    """ID-aware guidance, Eq. 2-3: eps = c + W_c (c - u) + W_i (c - w).

    ``text_weight`` is W_c (classifier-free scale minus one), ``identity_weight`` W_i; ``w`` is the weak branch:
    no reference (in the form ``weak_branch``) and the transformer blocks ``skip_layers`` left out. The form
    ``with_reference`` keeps the reference, so that only the layers make it weak. With ``reuse_every`` = k the difference c - w is
    computed in the ``first_steps`` of the identity window and in every k-th, and reused between. ``rescale`` (0: off, to 1) moves the
    standard deviation of eps to that of c.
    """

    text_weight: Weight = 4.0
    identity_weight: Weight = 0.0
    skip_layers: tuple[Annotated[int, Field(ge=0)], ...] = ()
    weak_branch: Literal["as_published", "aligned", "blank_reference", "t2v", "with_reference"] = (
        "as_published"
    )
    text_schedule: Schedule = Schedule()
    identity_schedule: Schedule = Schedule()
    reuse_every: Annotated[int, Field(ge=1)] = 1
    first_steps: Annotated[int, Field(ge=1)] = FIRST_STEPS
    rescale: Fraction = 0.0

    @model_validator(mode="after")
    def _settings_have_an_effect(self) -> Guidance:
        if self.first_steps != FIRST_STEPS and self.reuse_every == 1:
            raise ValueError(
                f"first_steps: {self.first_steps} has no effect without reuse; set reuse_every to 2 or more, or remove it"
            )
        if self.rescale and not (self.text_weight or self.identity_weight):
            raise ValueError(
                f"rescale: {self.rescale:g} has no effect, since text_weight and identity_weight are 0; remove it"
            )
        return self

    def deciding(self) -> dict[str, Any]:
        """What fingerprints see, in JSON types: settings that came later count only where they differ from their defaults.

        Clips that were finished before stay valid.

        >>> Guidance(rescale=0.5).deciding().keys() - Guidance().deciding().keys()
        {'rescale'}
        """
        later = {"first_steps": FIRST_STEPS, "rescale": 0.0}
        settings = self.model_dump(mode="json")
        return {k: v for k, v in settings.items() if k not in later or v != later[k]}


class Variant(Settings):
    """One row of the ablation: a generator, which prompt, which reference, and the guidance.

    ``draw`` numbers further draws of the same: other noise, everything else equal. All variants share the noise of draw 0.
    """

    generator: Name
    prompt: Literal["original", "enhanced"] = "original"
    reference: Literal["original", "enhanced"] = "original"
    guidance: Guidance = Guidance()
    draw: Annotated[int, Field(ge=0)] = 0


class PromptEnhancement(Settings):
    """Stage 1, paper section 3.2: who reads the face, and what may go into the prompt.

    In mode ``attributes`` a clause of what was read is inserted; in mode ``rewrite`` the reader writes the caption itself, is told
    up to ``attempts`` times what is wrong with it, and the clause stands in where that does not help. Attributes read with less
    than ``minimum_confidence`` stay out of the clause; an enhanced prompt with more than ``max_added_words`` new words is refused.
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
    """Stage 5: the variants that take part in the selection, and how its statistics are drawn.

    Every variant is compared with ``baseline``; ``comparisons`` holds further pairs (variant, against). ``equal_budget`` names
    draws of one variant: the best of as many of them as there were experts is the row ``best_of_n``, which shows how much of
    the selection's gain comes from having several clips to choose from.
    """

    experts: Annotated[tuple[Name, ...], Field(min_length=1)]
    baseline: Name | None = None
    comparisons: tuple[tuple[Name, Name], ...] = ()
    equal_budget: tuple[Name, ...] = ()
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
    """The report: what it says about the run, how many frames a contact sheet shows per clip, and what it embeds.

    ``setting`` says in words what the numbers were made with. The first ``embedded_samples`` samples are shown in the page
    itself, the others by links to their own pages. The links are relative to the report. ``published`` puts the paper's rows
    beside this run's in the tables of its layout; ``apart`` keeps them in a block of their own, marked as not comparable,
    which is right for all but the paper's models on photos.
    """

    title: str = "TPIGE"
    setting: str = ""
    published: Literal["beside", "apart"] = "apart"
    frames: Annotated[int, Field(ge=1, le=16)] = 4
    embedded_samples: Annotated[int, Field(ge=0)] = 40
    clip_link: str = "../07_model_output/clips/{variant}/{sample_id}.mp4"
    page_link: str = "samples/{sample_id}.html"


class Provenance(Settings):
    """How clips say that they are AI-made, beyond the XMP that each carries: paths of a C2PA certificate chain and its key (PEM).

    ``algorithm`` is that of the key. The extra ``c2pa`` has to be installed.
    """

    certificate: str | None = None
    private_key: str | None = None
    algorithm: Literal["es256", "es384", "es512", "ps256", "ps384", "ps512", "ed25519"] = "es256"

    @model_validator(mode="after")
    def _both_or_none(self) -> Provenance:
        if (self.certificate is None) != (self.private_key is None):
            raise ValueError("certificate and private_key belong together: set both or none")
        return self


class Execution(Settings):
    """How a run treats failures and processors.

    It ends with an error if more than ``max_failures`` items failed. ``threads`` are the processor threads of the networks;
    None takes torch's default.
    """

    max_failures: Annotated[int, Field(ge=0)] = 0
    threads: Annotated[int, Field(ge=1)] | None = None


Consent = Literal["granted", "synthetic", "absent"]


class MlflowChange(Settings):
    """What the command line changes in ``mlflow.yml`` for one run."""

    enabled: bool | None = None
    required: bool | None = None


class Parameters(Settings):
    """Everything under ``parameters*.yml``, checked as a whole before anything else happens."""

    seed: Annotated[int, Field(ge=0, lt=2**63)] = 0
    consent: Consent | None = None
    models: dict[Name, ModelSpec]
    variants: Annotated[dict[Name, Variant], Field(min_length=1)]
    prompt_enhancement: PromptEnhancement
    reference_enhancement: ReferenceEnhancement
    scoring: Scoring
    moe: Moe
    reporting: Reporting = Reporting()
    execution: Execution = Execution()
    provenance: Provenance = Provenance()
    train_mini: dict[str, Any] = {}  # typed where it is used, by the pipeline of that name
    verify: Literal["stat", "full"] = "stat"  # full: hash every file instead of trusting its time
    allow_cpu: bool = False  # on the command line: run models that expect a GPU without one
    wait: bool = False  # until another run that writes to data_root has ended
    data_root: str | None = None  # on the command line: where data/ is
    samples_root: str | None = (
        None  # on the command line: the folder with samples.csv and references/
    )
    sample_list: str | None = None  # on the command line: a CSV file that lists which samples
    mlflow: MlflowChange = MlflowChange()
    clips_root: str | None = None  # on the command line: a folder of clips made elsewhere

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
        problems += draw_problems(self)
        compared = [v for pair in self.moe.comparisons for v in pair] + [self.moe.baseline]
        problems += [
            f"moe.baseline, moe.comparisons: no variant {name!r} under variants (there are {sorted(self.variants)}){meant(name, self.variants)}"
            for name in compared
            if name is not None and name not in self.variants
        ]
        if problems:
            raise ValueError("\n".join(problems))
        return self


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
            "moe.equal_budget: its variants must be equal in everything but draw, and each have a draw of its own"
        )
    return problems
