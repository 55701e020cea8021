"""Every option of every model in every environment: misspelt or of a wrong type, it is named in one line before anything runs."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from kedro.framework.project import settings
from kedro.framework.startup import bootstrap_project

from project import ROOT, merged
from tpige_kedro.declarations import declared
from tpige_kedro.errors import ModelError
from tpige_kedro.hooks.errors import RunStopped
from tpige_kedro.hooks.model_options import option_problems
from tpige_kedro.hooks.parameters import parse_parameters, whole_specs
from tpige_kedro.options import options_model
from tpige_kedro.schemas import ModelSpec

ENVIRONMENTS = ("base", "test", "paper", "vace_1_3b")
WRONG = ([1], {"a": 1}, "zzz", "20", True, None, -7, 0.5, float("nan"))


@cache
def shipped(env: str) -> dict[str, Any]:
    bootstrap_project(ROOT)
    loader = settings.CONFIG_LOADER_CLASS(
        conf_source=str(ROOT / "conf"), env=env, **settings.CONFIG_LOADER_ARGS
    )
    return dict(loader["parameters"])


def entries() -> list[tuple[str, str]]:
    return [(env, name) for env in ENVIRONMENTS for name in shipped(env)["models"]]


def problems(env: str, change: dict[str, Any]) -> list[str]:
    try:
        parse_parameters(merged(shipped(env), change))
    except RunStopped as stopped:
        return str(stopped).splitlines()[1:-1]
    return []


def with_option(env: str, model: str, option: str, value: Any) -> list[str]:
    entry = merged(shipped(env)["models"][model], {"options": {option: value}})
    return list(option_problems(whole_specs({"models": {model: entry}})))


def options_of(env: str, model: str) -> list[str]:
    entry = shipped(env)["models"][model]
    known = options_model(entry["type"], entry.get("options")).model_fields
    own = declared(entry["type"], "own_options", ())
    return [name for name in known if name not in {"source", "revision", *own}]


@pytest.mark.parametrize("env", ENVIRONMENTS)
def test_what_ships_is_accepted(env: str) -> None:
    assert problems(env, {}) == []


@pytest.mark.parametrize(("env", "model"), entries())
def test_a_misspelt_option_is_named_with_the_nearest(env: str, model: str) -> None:
    for option in options_of(env, model):
        for wrong in (option[:-1], option[0] + option[2:], option + "s", option.replace("_", "-")):
            if wrong in options_of(env, model):
                continue
            (line,) = with_option(env, model, wrong, 1)
            assert line.startswith(f"models.{model}.options.{wrong}: unknown key; did you mean")


@pytest.mark.parametrize(("env", "model"), entries())
def test_an_option_of_a_wrong_type_is_named(env: str, model: str) -> None:
    entry = shipped(env)["models"][model]
    fields = options_model(entry["type"], entry.get("options")).model_fields
    for option in options_of(env, model):
        refused = 0
        for value in WRONG:
            lines = with_option(env, model, option, value)
            own = [line for line in lines if f"models.{model}.options.{option}" in line]
            own += [line for line in lines if line not in own and "nothing can be counted" in line]
            assert sorted(lines) == sorted(own) and len(own) <= 1, lines
            refused += len(own)
        plain = fields[option].annotation in {str, int, float, bool}
        assert refused >= (4 if plain else 2), (option, refused)


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("steps", "20", "valid integer (given: '20'); write it without quotes"),
        ("steps", True, "valid integer (given: true)"),
        ("steps", 2.5, "valid integer"),
        ("steps", 0, "greater than or equal to 1 (given: 0)"),
        ("steps", None, "valid integer (given: null)"),
        ("height", 81, "multiple of 16 (given: 81)"),
        ("num_frames", 18, "18 is not 4k + 1"),
        ("dtype", "bf16", "'float32', 'bfloat16' or 'float16' (given: 'bf16')"),
        ("device", "cdua", "given: 'cdua'"),
        ("offload", "sequential", "'none', 'model' or 'group'"),
        ("fp8_storage", "yes", "valid boolean"),
        ("flow_shift", float("inf"), "finite number"),
        ("conditioning_scale", "strong", "valid number"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_value_is_said(option: str, value: Any, message: str) -> None:
    (line,) = with_option("base", "mini_vace", option, value)
    assert line.startswith(f"models.mini_vace.options.{option}: ") and message in line


@pytest.mark.parametrize(
    ("value", "key", "message"),
    [
        ({"contxt": 2}, "parallel.contxt", "did you mean context?"),
        ({"context": 0}, "parallel.context", "greater than or equal to 1"),
        ({"context": "2"}, "parallel.context", "without quotes"),
        ({"branches": 1}, "parallel.branches", "valid boolean"),
        ({"context": 2, "branches": True}, "parallel", "set context or branches, not both"),
        ("context", "parallel", "given"),
    ],
)
def test_nested_options_are_checked_to_the_last_level(value: Any, key: str, message: str) -> None:
    (line,) = with_option("base", "mini_vace", "parallel", value)
    assert line.startswith(f"models.mini_vace.options.{key}: ") and message in line


def test_options_that_do_not_go_together_are_named() -> None:
    change = {"models": {"mini_vace": {"options": {"compile": True, "offload": "model"}}}}
    (line,) = problems("base", change)
    assert line == "  models.mini_vace.options.compile: true does not work with offload: model"


@pytest.mark.parametrize(
    ("change", "lines"),
    [
        (
            {"mini_vace": {"options": {"source": "elsewhere"}}},
            [
                "models.mini_vace.options.source: it belongs one level up, as models.mini_vace.source"
            ],
        ),
        ({"hailuo": {"source": "x"}}, ["models.hailuo.source: Hailuo takes none"]),
        ({"mini_face": {"source": None}}, ["models.mini_face.source: this key is required"]),
        ({"nope": {"options": {"x": 1}}}, ["models.nope.type", "models.nope.licence"]),
        (
            {"mini_vace": {"type": "tpige_kedro.video_generators.wan_vace.WanVac"}},
            [
                "models.mini_vace.type: 'tpige_kedro.video_generators.wan_vace.WanVac': "
                "no class 'WanVac' in tpige_kedro.video_generators.wan_vace; did you mean WanVace?"
            ],
        ),
        ({"mini_vace": {"type": "nowhere.WanVace"}}, ["models.mini_vace.type: 'nowhere.WanVace'"]),
        ({"mini_vace": {"type": "WanVace"}}, ["models.mini_vace.type: 'WanVace': no module ''"]),
        ({"mini_phantom": {"options": None}}, ["models.mini_phantom.options: "]),
    ],
)
def test_other_keys_of_a_model_are_checked(change: dict[str, Any], lines: list[str]) -> None:
    found = problems("base", {"models": change})
    assert len(found) == len(lines)
    for line, beginning in zip(found, lines, strict=True):
        assert line.startswith(f"  {beginning}")


def test_all_problems_are_listed_together() -> None:
    found = problems(
        "base",
        {
            "sed": 1,
            "models": {"mini_vace": {"options": {"stesp": 3, "fps": "8"}}, "mini_face": {"x": 1}},
            "train_mini": {"factr": 2},
        },
    )
    keys = ("sed", "models.mini_face.x", "models.mini_vace.options.fps")
    keys = (*keys, "models.mini_vace.options.stesp", "train_mini.factr")
    assert sorted(line.split(":")[0].strip() for line in found) == sorted(keys)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"phantom": {"guidance": {"weak_branch": "t2v"}}},
            "variants.phantom.guidance.weak_branch: mini_phantom (Phantom) has as_published and aligned",
        ),
        (
            {"hailuo": {"guidance": {"identity_weight": 0.5}}},
            "variants.hailuo.guidance.identity_weight: hailuo (Hailuo) takes no guidance",
        ),
        ({"hailuo": {"noise": "own"}}, "variants.hailuo.noise: hailuo (Hailuo) takes no seed"),
        ({"vace": {"noise": "theirs"}}, "variants.vace.noise: "),
        (
            {"vace": {"guidance": {"text_schedule": {"start": 0.51, "stop": 0.52}}}},
            "variants.vace.guidance.text_schedule: no step of 8 lies in the window",
        ),
        (
            {"vace": {"guidance": {"text_schedule": {"strat": 0.5}}}},
            "variants.vace.guidance.text_schedule.strat: unknown key; did you mean start?",
        ),
        (
            {"vace": {"guidance": {"text_wieght": 3}}},
            "variants.vace.guidance.text_wieght: unknown key; did you mean text_weight?",
        ),
        ({"vace": {"guidance": {"text_weight": True}}}, "variants.vace.guidance.text_weight: "),
    ],
)
def test_guidance_is_checked_against_its_generator(change: dict[str, Any], message: str) -> None:
    (line,) = problems("base", {"variants": change})
    assert line.startswith(f"  {message}")


@pytest.mark.parametrize(
    ("change", "key"),
    [
        ({"prompt_enhancement": {"reader": "mini_face"}}, "prompt_enhancement.reader"),
        ({"reference_enhancement": {"editor": "mini_vace"}}, "reference_enhancement.editor"),
        ({"reference_enhancement": {"judge": "mini_still"}}, "reference_enhancement.judge"),
        ({"reference_enhancement": {"writer": "mini_face"}}, "reference_enhancement.writer"),
        ({"scoring": {"set_scorer": "mini_face"}}, "scoring.set_scorer"),
        ({"variants": {"vace": {"generator": "mini_still"}}}, "variants.vace.generator"),
    ],
)
def test_a_model_in_a_role_that_its_class_cannot_play(change: dict[str, Any], key: str) -> None:
    (line,) = problems("base", change)
    assert line.startswith(f"  {key}: models.mini_") and "has no method" in line


MODULE = """
from __future__ import annotations
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Optional, Sequence
import heavy_library
from tpige_kedro.video_generators.wan_vace import WanVace
if TYPE_CHECKING:
    from somewhere import Unknown
Mode = Literal["a", "b"]

class Plain:
    version = 1
    def __init__(self, source: str, revision: "Optional[str]" = None, *, size: int = 3, mode: Mode = "a",
                 names: Sequence[str] = (), odd: Unknown = None, part: heavy_library.Part = None):
        pass

class Heir(Plain):
    def __init__(self, source, extra: float = 1.0, **options):
        super().__init__(source, **options)

class Silent(Heir):
    version = 2

class Anything:
    def __init__(self, source, **options): pass

class Nothing:
    pass

class MyVace(WanVace):
    def __init__(self, source, revision=None, strength: float = 1.0, **options):
        super().__init__(source, revision, **options)
"""
DATA = """
from dataclasses import dataclass
@dataclass
class Data:
    source: str
    revision: str | None = None
    size: int = 3
def make(source: str, revision: str | None = None, size: int = 3): pass
"""


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    name = f"own_models_{tmp_path.name.replace('-', '_')}"
    (tmp_path / f"{name}.py").write_text(textwrap.dedent(MODULE))
    (tmp_path / f"{name}_data.py").write_text(textwrap.dedent(DATA))
    monkeypatch.syspath_prepend(str(tmp_path))
    return name


def of_class(path: str, options: dict[str, Any]) -> list[str]:
    entry = {"type": path, "licence": "x", "source": "folder", "options": options}
    return problems("base", {"models": {"mine": entry}})


@pytest.mark.parametrize("cls", ["Plain", "Heir", "Silent", "_data.Data", "_data.make"])
def test_a_class_of_ones_own_is_checked_against_its_constructor(own: str, cls: str) -> None:
    path = f"{own}.{cls}" if not cls.startswith("_") else f"{own}{cls}"
    assert of_class(path, {"size": 4}) == []
    (line,) = of_class(path, {"size": "big"})
    assert line.startswith("  models.mine.options.size: Input should be a valid integer")
    (line,) = of_class(path, {"siez": 4})
    assert line == "  models.mine.options.siez: unknown key; did you mean size?"


def test_types_of_ones_own_class_are_read_as_far_as_its_source_says_them(own: str) -> None:
    fine = {"mode": "b", "names": ["x", "y"], "odd": 1, "part": "x"}
    assert of_class(f"{own}.Plain", fine) == []
    (line,) = of_class(f"{own}.Plain", {"mode": "c"})
    assert "'a' or 'b'" in line
    (line,) = of_class(f"{own}.Plain", {"names": [1]})
    assert line.startswith("  models.mine.options.names.0: ")
    (line,) = of_class(f"{own}.Heir", {"extra": "much"})
    assert line.startswith("  models.mine.options.extra: ")


def test_classes_that_say_nothing_take_everything_and_those_without_constructor_nothing(
    own: str,
) -> None:
    assert of_class(f"{own}.Anything", {"whatever": [1]}) == []
    (line, *_) = [x for x in of_class(f"{own}.Nothing", {"x": 1}) if "options" in x]
    assert line == "  models.mine.options.x: unknown key; there are none"


def test_an_heir_of_a_shipped_class_takes_its_options_too(own: str) -> None:
    fine = {"strength": 2, "steps": 3, "base": "x", "conditioning_scale": 0.5}
    assert of_class(f"{own}.MyVace", fine) == []
    (line,) = of_class(f"{own}.MyVace", {"stesp": 3})
    assert line == "  models.mine.options.stesp: unknown key; did you mean steps?"


def test_several_gpus_takes_the_options_of_its_generator() -> None:
    entry = {
        "type": "tpige_kedro.video_generators.several_gpus.SeveralGpus",
        "options": {
            "generator": "tpige_kedro.video_generators.wan_vace.WanVace",
            "gpus": 2,
            "split": "context",
        },
    }
    assert problems("base", {"models": {"mini_vace": entry}}) == []
    for option, value in (("gpus", 1), ("split", "frames"), ("offload", "model"), ("stesp", 1)):
        wrong = merged(entry, {"options": {option: value}})
        (line,) = problems("base", {"models": {"mini_vace": wrong}})
        assert line.startswith(f"  models.mini_vace.options.{option}: ")
    wrong = merged(entry, {"options": {"parallel": {"context": 2}}})
    (line,) = problems("base", {"models": {"mini_vace": wrong}})
    assert line.startswith("  models.mini_vace.options.parallel: ")


def test_a_still_is_one_frame() -> None:
    (line,) = with_option("base", "mini_still", "num_frames", 5)
    assert line == "models.mini_still.options.num_frames: VaceStill sets it itself; remove it"


def test_an_absent_class_is_an_error() -> None:
    with pytest.raises(ModelError, match="Nobody"):
        options_model("tpige_kedro.option_types.Nobody")


def test_nothing_large_is_imported_to_check_the_options() -> None:
    code = f"""
import sys
sys.path[:0] = [{str(Path(__file__).parents[1])!r}]
from hooks.test_model_options import ENVIRONMENTS, problems
assert not any(problems(env, {{}}) for env in ENVIRONMENTS)
large = ("torch", "diffusers", "transformers", "openai", "requests", "insightface", "mlflow")
assert not [name for name in large if name in sys.modules], [n for n in large if n in sys.modules]
"""
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


@pytest.mark.parametrize("pattern", ["x.mp4", "{sample}/{variant}", "{sample_id", "{}"])
def test_where_imported_clips_are_is_checked_before_a_run(pattern: str) -> None:
    model = ModelSpec(
        type="tpige_kedro.video_generators.imported.Imported",
        licence="tests",
        source="clips",
        options={"pattern": pattern},
    )
    (problem,) = option_problems({"theirs": model})
    assert problem.startswith("models.theirs.options.pattern: ")
