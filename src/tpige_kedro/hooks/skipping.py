"""What a run does about missing models: variants that need one are skipped, a scorer is left out, or the run stops."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence

from kedro.pipeline import Pipeline

from tpige_kedro.hooks.metric_names import metrics_of
from tpige_kedro.hooks.resources.problem import Problem
from tpige_kedro.models import why_skipped
from tpige_kedro.schemas import Parameters, Variant
from tpige_kedro.video_generators.imported import is_imported

logger = logging.getLogger(__name__)


def without_missing(
    pipeline: Pipeline, parameters: Parameters, problems: Sequence[Problem]
) -> tuple[Parameters, list[Problem]]:
    """Parameters without what cannot be made, and the problems that stop the run; parameters as they were if any does.

    A problem that is about more than a missing model always stops. A missing model does so where ``strict`` is set, where the run
    makes no clips, where it gives a part of the overall score, and where no variant or no expert is left without it.
    """
    reasons = {name: str(p) for p in problems if p.missing for name in p.models}
    if parameters.strict:
        return parameters, list(problems)
    skips = {name: why_not(variant, parameters, reasons) for name, variant in parameters.variants.items()}  # fmt: skip
    reduced = _reduced(parameters, reasons, skips)
    stops = [p for p in problems if not p.missing or _is_needed(p, pipeline, parameters)]
    stops += nothing_left(pipeline, reduced)
    if stops:
        return parameters, [*problems, *(p for p in stops if p not in problems)]
    return reduced if reasons else parameters, []


def why_not(variant: Variant, parameters: Parameters, reasons: Mapping[str, str]) -> str:
    """Why a variant cannot be made without the models that ``reasons`` names; the empty text if it can."""
    if variant.skipped:
        return variant.skipped
    enhancement = parameters.reference_enhancement
    needs: list[str | None] = [variant.generator]
    if "enhanced" in (
        variant.prompt,
        variant.reference,
    ):  # a reference is drawn by its enhanced prompt
        needs.append(parameters.prompt_enhancement.reader)
    if variant.reference == "enhanced":
        needs += [enhancement.editor, enhancement.judge, enhancement.writer]
    return next((reasons[name] for name in needs if name is not None and name in reasons), "")


def nothing_left(pipeline: Pipeline, parameters: Parameters) -> Iterator[Problem]:
    """Where clips are made: whether any variant, and any expert of a selection, still can."""
    if not _makes_clips(pipeline):
        return
    reasons = {n: why_skipped(v, parameters.models) for n, v in parameters.variants.items()}
    experts = {name: reasons[name] for name in parameters.moe.experts}
    if all(reasons.values()):
        yield Problem((), "no variant can be made", _listed(reasons))
    elif "moe_selection" in _stages(pipeline) and all(experts.values()):
        yield Problem((), "none of moe.experts can be made", _listed(experts))


def report_skipped(before: Parameters, after: Parameters) -> None:
    """Log what the run will do without, once before it begins."""
    for name, variant in after.variants.items():
        if variant.skipped and not before.variants[name].skipped:
            logger.warning("variants.%s will be skipped: %s", name, variant.skipped)
    scorers = [*after.scoring.scorers, after.scoring.set_scorer]
    for name in filter(None, scorers):
        if reason := after.models[name].unavailable:
            logger.warning("its metrics will be missing: %s", reason)
    if after is not before:
        logger.warning("to stop instead of continuing without them: --params=strict=true")


def _is_needed(problem: Problem, pipeline: Pipeline, parameters: Parameters) -> bool:
    """Whether there is no going on without the models of a problem."""
    scoring = parameters.scoring
    for name in problem.models:
        if is_imported(parameters.models[name]):
            return True
        if name in scoring.scorers:
            given = metrics_of(parameters, name)
            if given is None or scoring.overall.keys() & given.keys():
                return True
        if (
            name != scoring.set_scorer
            and name not in scoring.scorers
            and not _makes_clips(pipeline)
        ):
            return True
    return False


def _reduced(
    parameters: Parameters, reasons: Mapping[str, str], skips: Mapping[str, str]
) -> Parameters:
    models = {
        name: spec.model_copy(update={"unavailable": reasons.get(name, spec.unavailable)})
        for name, spec in parameters.models.items()
    }
    variants = {
        name: variant.model_copy(update={"skipped": skips[name]})
        for name, variant in parameters.variants.items()
    }
    return parameters.model_copy(update={"models": models, "variants": variants})


def _stages(pipeline: Pipeline) -> set[str]:
    return {part for node in pipeline.nodes for part in str(node.namespace).split(".")}


def _makes_clips(pipeline: Pipeline) -> bool:
    return "clips" in pipeline.all_outputs() and "generation_variants" in _stages(pipeline)


def _listed(reasons: Mapping[str, str]) -> str:
    """The variants; those that only lack a key say so, the models of the others are listed by themselves."""
    return ", ".join(f"{n} ({r})" if r.startswith("no key") else n for n, r in reasons.items())
