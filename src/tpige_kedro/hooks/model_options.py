"""What the model classes require of conf: their options, what they are used for, and the guidance they take."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from typing import Any

from pydantic import ValidationError

from tpige_kedro.declarations import declared, has_method, names_in
from tpige_kedro.errors import ModelError
from tpige_kedro.guidance.schedules import check_windows
from tpige_kedro.hooks.validation import lines, validated
from tpige_kedro.nearest import advice
from tpige_kedro.options import options_model
from tpige_kedro.schemas import ModelSpec, Parameters, Variant
from tpige_kedro.video_generators.imported import is_imported
from tpige_kedro.vision_language.budget import price_problem

PRICED = (
    "max_dollars",
    "input_price",
    "output_price",
)  # options of a service that is paid by the token
APART = ("source", "revision")  # arguments of classes that have keys of their own


def option_problems(models: Mapping[str, ModelSpec]) -> Iterator[str]:
    """Options that the class of a model does not take, and classes that do not exist."""
    for name, spec in models.items():
        try:
            yield from _problems_of(f"models.{name}", spec)
        except (ModelError, ImportError, ValueError) as error:
            yield f"models.{name}.type: {error}"


def _problems_of(key: str, spec: ModelSpec) -> Iterator[str]:
    if absent := absent_class(spec.type):
        yield f"{key}.type: {absent}"
        return
    model = options_model(spec.type, spec.options)
    fields, takes_all = model.model_fields, model.model_config.get("extra") == "allow"
    if spec.source is None and "source" in fields and fields["source"].is_required():
        yield f"{key}.source: this key is required: a folder, or a hub id"
    if spec.source is not None and "source" not in fields and not takes_all:
        yield f"{key}.source: {model.__name__} takes none; remove it (given: {spec.source!r})"
    for name in APART:
        if name in spec.options:
            yield f"{key}.options.{name}: it belongs one level up, as {key}.{name}"
    own = declared(spec.type, "own_options", ())
    for name in own:
        if name in spec.options:
            yield f"{key}.options.{name}: {model.__name__} sets it itself; remove it"
    options = {k: v for k, v in spec.options.items() if k not in (*APART, *own)}
    given = {name: "" for name in APART if name in fields}
    try:
        validated(model, {**options, **given})
    except ValidationError as error:
        apart = tuple(f"{key}.options.{name}:" for name in APART)
        found = lines(model, error, f"{key}.options")
        yield from (line for line in found if not line.startswith(apart))
    else:
        if fields.keys() >= set(PRICED) and (problem := price_problem(*map(options.get, PRICED))):
            yield f"{key}.options.{problem}"


def absent_class(path: str) -> str:
    """What is wrong with a dotted path that leads to no class, checked without importing its module."""
    module, _, name = path.rpartition(".")
    try:
        found = bool(module) and find_spec(module) is not None
    except ModuleNotFoundError:  # of a package above it
        found = False
    if not found:
        return f"{path!r}: no module {module!r}; correct the path"
    names = names_in(module)
    if names is not None and name not in names:
        classes = [n for n in names if n[0].isupper() and not n.isupper()]
        return f"{path!r}: no class {name!r} in {module}; {advice(name, classes)} (set models.<name>.type)"
    return ""


def role_problems(parameters: Parameters) -> Iterator[str]:
    """Models that are used for what their class cannot do."""
    asked = {
        **{f"variants.{n}.generator": (v.generator, "generate") for n, v in parameters.variants.items()},
        **{f"scoring.scorers[{i}]": (n, "score") for i, n in enumerate(parameters.scoring.scorers)},
        "scoring.set_scorer": (parameters.scoring.set_scorer, "score_set"),
        "prompt_enhancement.reader": (parameters.prompt_enhancement.reader, "read_face"),
        "reference_enhancement.editor": (parameters.reference_enhancement.editor, "edit"),
        "reference_enhancement.judge": (parameters.reference_enhancement.judge, "compare"),
        "reference_enhancement.writer": (parameters.reference_enhancement.writer, "rewrite_prompt"),
    }  # fmt: skip
    for key, (name, method) in asked.items():
        spec = parameters.models.get(name or "")
        if spec is None or is_imported(spec) or absent_class(spec.type):
            continue
        if not has_method(spec.type, method):
            yield (
                f"{key}: models.{name} ({spec.type.rpartition('.')[2]}) cannot do this, its class has no method {method}; "
                "name another model"
            )
    for name, spec in parameters.models.items():
        later = spec.options.get("successor")
        if isinstance(later, str) and later not in parameters.models:
            known = advice(later, parameters.models)
            yield f"models.{name}.options.successor: no model {later!r} under models; {known}"


def guidance_problems(parameters: Parameters) -> Iterator[str]:
    """Guidance that the generator of a variant does not take."""
    for name, variant in parameters.variants.items():
        spec = parameters.models.get(variant.generator)
        if spec is not None and not absent_class(spec.type):
            for problem in _guidance_problems(variant, spec):
                yield f"variants.{name}.{problem}"


def _guidance_problems(variant: Variant, spec: ModelSpec) -> Iterator[str]:
    guidance, options = variant.guidance, spec.options
    title = f"{variant.generator} ({spec.type.rpartition('.')[2]})"
    if guidance.identity_weight and not declared(spec.type, "takes_guidance", True):
        yield f"guidance.identity_weight: {title} takes no guidance; remove it (given: {guidance.identity_weight:g})"
    if variant.noise == "own" and not declared(spec.type, "takes_seed", True):
        yield f"noise: {title} takes no seed, so its noise cannot be set; remove it (given: 'own')"
    forms = declared(spec.type, "weak_forms")
    if forms is not None and guidance.weak_branch not in forms:
        yield f"guidance.weak_branch: {title} has {' and '.join(forms)} (given: {guidance.weak_branch!r})"
    split = options.get("split") == "context" or _context(options) > 1
    if split and 0 in guidance.skip_layers:
        yield "guidance.skip_layers: layer 0 cannot be skipped if the tokens of a clip are split over GPUs"
    steps = options.get("steps", _default(spec, "steps"))
    if isinstance(steps, int) and steps > 0:
        try:
            check_windows(guidance, steps)
        except ValueError as error:
            yield str(error)


def _context(options: Mapping[str, Any]) -> int:
    parallel = options.get("parallel")
    context = parallel.get("context", 1) if isinstance(parallel, dict) else 1
    return context if isinstance(context, int) else 1


def _default(spec: ModelSpec, option: str) -> Any:
    field = options_model(spec.type, spec.options).model_fields.get(option)
    return None if field is None else field.default
