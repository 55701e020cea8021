"""The environments beside ``conf/base``: they load, they pass the checks, and they hold the published numbers."""

import copy
import re
from functools import cache
from typing import Any

import pytest
import yaml
from kedro.framework.project import settings
from kedro.framework.startup import bootstrap_project

from tpige_kedro.hooks.parameters import parse_parameters
from tpige_kedro.models import load_class, project_root
from tpige_kedro.schemas import Parameters, Schedule
from tpige_kedro.video_generators.wan_options import WanOptions
from tpige_kedro.vision_language.openai_compatible import OpenAICompatible

ROOT = project_root()
OWN_OPTIONS = {
    "base",
    "base_revision",
    "weights",
    "image_scale",
    "conditioning_scale",
    "text_weight",
}


FAST = {"vace_14b_fast": "paper", "vace_1_3b_fast": "vace_1_3b"}
PRESETS = ["paper", "vace_14b_48gb", "vace_14b_24gb", "vace_1_3b", "vace_1_3b_12gb", *FAST]


def raw(env: str) -> dict[str, Any]:
    return copy.deepcopy(loaded(env))


@cache
def loaded(env: str) -> dict[str, Any]:
    bootstrap_project(ROOT)
    loader = settings.CONFIG_LOADER_CLASS(
        conf_source=str(ROOT / settings.CONF_SOURCE), env=env, **settings.CONFIG_LOADER_ARGS
    )
    found: dict[str, Any] = loader["parameters"]
    return found


def parameters(env: str) -> Parameters:
    return Parameters.model_validate(raw(env))


def differences(one: Any, other: Any, key: str = "") -> dict[str, Any]:
    """What ``other`` has and ``one`` has not, by dotted key."""
    if not isinstance(other, dict):
        return {} if one == other else {key: other}
    found: dict[str, Any] = {}
    before = one if isinstance(one, dict) else {}
    for name in {*before, *other}:
        found |= differences(before.get(name), other.get(name), f"{key}.{name}".lstrip("."))
    return found


def used_models(found: Parameters) -> set[str]:
    used = {variant.generator for variant in found.variants.values()} | set(found.scoring.scorers)
    return used | {
        found.prompt_enhancement.reader,
        found.reference_enhancement.editor,
        found.reference_enhancement.judge,
    }


@pytest.mark.parametrize("env", ["base", "test", "photos", *PRESETS])
def test_every_model_of_an_environment_has_its_class_and_known_options(env: str) -> None:
    found = parameters(env)
    for name in used_models(found):
        spec = found.models[name]
        assert load_class(spec.type) is not None
        if "video_generators.wan" in spec.type or "phantom" in spec.type or "still" in spec.type:
            options: dict[str, Any] = {
                k: v for k, v in spec.options.items() if k not in OWN_OPTIONS
            }
            assert WanOptions(**options).steps > 0


@pytest.mark.parametrize("env", PRESETS)
def test_no_mini_model_works_on_photos(env: str) -> None:
    found = parameters(env)
    assert [name for name in used_models(found) if name.startswith("mini")] == []


def test_the_paper_rewrites_with_gpt_4o_and_the_small_setting_reads_on_this_machine() -> None:
    paper, small = parameters("paper"), parameters("vace_1_3b")
    gpt = paper.models[paper.prompt_enhancement.reader]
    assert paper.prompt_enhancement.mode == "rewrite"
    assert paper.reference_enhancement.writer == paper.prompt_enhancement.reader
    assert gpt.needs == ("OPENAI_API_KEY",) and gpt.options["model"] == "gpt-4o"
    assert OpenAICompatible(**gpt.options).budget.max_dollars == 25
    assert small.prompt_enhancement.mode == "attributes"
    assert small.models[small.prompt_enhancement.reader].source == "Qwen/Qwen2.5-VL-7B-Instruct"
    assert OpenAICompatible(**small.models["photo_service"].options).concurrency > 1


@pytest.mark.parametrize(("env", "size"), [("paper", "14b"), ("vace_1_3b", "1_3b")])
def test_the_published_numbers(env: str, size: str) -> None:
    found = parameters(env)
    vace, phantom = (found.models[f"{name}_{size}"].options for name in ("vace", "phantom"))
    wanted = {
        "height": 480,
        "width": 832,
        "num_frames": 81,
        "steps": 50,
        "fps": 16,
        "flow_shift": 16.0,
    }
    assert wanted.items() <= vace.items()
    assert vace["sigmas"] == "reference"
    assert vace["negative_prompt"] == phantom["negative_prompt"] == "wan"
    assert (phantom["image_scale"], phantom["flow_shift"]) == (5.0, 5.0)
    guidance = {name: variant.guidance for name, variant in found.variants.items()}
    cfg, g = 5.0, 0.5  # the authors' code
    for name in ("vace", "vace_pe", "vace_pe_ie"):
        assert (guidance[name].text_weight, guidance[name].identity_weight) == (cfg - 1, 0)
    released = guidance["vace_pe_ge"]
    assert (released.text_weight, released.identity_weight) == ((cfg - 1) * (1 + g), g)
    assert (released.skip_layers, released.weak_branch) == ((2,), "as_published")
    assert released.identity_schedule == released.text_schedule == Schedule()  # constant
    assert released.reuse_every == 1
    assert guidance["vace_pe_cfg_matched"].text_weight == released.text_weight
    assert guidance["vace_pe_cfg_matched"].identity_weight == 0
    no_reference, no_layer = guidance["vace_pe_ge_no_skip"], guidance["vace_pe_ge_skip_only"]
    assert no_reference == released.model_copy(update={"skip_layers": ()})
    assert no_layer == released.model_copy(update={"weak_branch": "with_reference"})
    assert guidance["phantom"].text_weight == 7.5
    assert guidance["phantom_pe_ge"].weak_branch == "as_published"


def test_the_paper_shares_the_authors_noise() -> None:
    found = parameters("paper")
    assert found.seed == 2025
    assert found.models["vace_14b"].options["shared_noise"] == 2025
    assert found.models["vace_14b"].options["noise_device"] == "cuda"


@pytest.mark.parametrize("env", ["paper", "vace_1_3b"])
def test_the_variants_of_the_paper_see_the_prompts_and_references_of_its_tables(env: str) -> None:
    seen = {name: (v.prompt, v.reference) for name, v in parameters(env).variants.items()}
    assert seen["vace"] == ("original", "original")
    assert (
        seen["vace_pe"]
        == seen["vace_pe_ge"]
        == seen["vace_pe_cfg_matched"]
        == seen["vace_pe_ge_no_skip"]
        == seen["vace_pe_ge_skip_only"]
        == ("enhanced", "original")
    )
    assert seen["vace_pe_ie"] == ("enhanced", "enhanced")
    assert seen["phantom"] == ("original", "original")
    assert seen["phantom_pe_ge"] == ("enhanced", "original")


def test_phantom_14b_is_run_as_published() -> None:
    models = parameters("paper").models
    vace, phantom = models["vace_14b"].options, models["phantom_14b"].options
    assert (phantom["num_frames"], phantom["fps"], phantom["letterbox"]) == (121, 24, "phantom")
    assert abs(phantom["num_frames"] / phantom["fps"] - vace["num_frames"] / vace["fps"]) < 0.05
    assert vace["frame_rounding"] == phantom["frame_rounding"] == "truncate"


def test_the_small_setting_and_the_default_round_frames_as_they_did() -> None:
    for env in ("base", "vace_1_3b"):
        for spec in parameters(env).models.values():
            assert not {"frame_rounding", "negative_prompt_file"} & set(spec.options)
            assert spec.options.get("letterbox") != "phantom"


@pytest.mark.parametrize("reader", ["gpt_4o", "gpt_6_luna", "qwen_vl"])
def test_the_paper_can_be_read_by_another_model(reader: str) -> None:
    given = raw("paper")
    given["prompt_enhancement"]["reader"] = given["reference_enhancement"]["writer"] = reader
    found = parse_parameters(given)
    spec = found.models[found.prompt_enhancement.reader]
    assert found.reference_enhancement.writer == reader
    assert bool(spec.needs) == (spec.source is None)


def test_a_successor_that_is_not_there_is_named() -> None:
    from tpige_kedro.hooks.model_options import role_problems

    paper = parameters("paper")
    old = paper.models["gpt_4o"]
    wrong = old.model_copy(update={"options": {**old.options, "successor": "gpt_6"}})
    found = paper.model_copy(update={"models": {**paper.models, "gpt_4o": wrong}})
    (line,) = role_problems(found)
    assert line.startswith("models.gpt_4o.options.successor: no model 'gpt_6' under models")


def test_the_model_that_ends_names_the_one_after_it() -> None:
    models = parameters("paper").models
    old, new = models["gpt_4o"].options, models["gpt_6_luna"].options
    assert (old["ends"], old["successor"]) == ("2027-01-14", "gpt_6_luna")
    assert new["max_tokens_parameter"] == "max_completion_tokens"
    reader = OpenAICompatible(**new)
    assert not {"temperature", "seed", "max_tokens"} & set(reader._fixed)


@pytest.mark.parametrize("env", PRESETS)
def test_pinned_revisions_are_whole_commits_and_the_same_everywhere(env: str) -> None:
    pinned: dict[str, str | None] = {}
    for name, spec in parameters(env).models.items():
        if spec.source is not None and spec.source.count("/") == 1:
            assert pinned.setdefault(spec.source, spec.revision) == spec.revision, name
            assert spec.revision is None or re.fullmatch("[0-9a-f]{40}", spec.revision)
    assert sum(commit is not None for commit in pinned.values()) >= 4


@pytest.mark.parametrize("env", ["photos", *PRESETS])
def test_an_environment_passes_all_checks_of_a_run_and_says_what_it_is_for(env: str) -> None:
    assert parse_parameters(raw(env)).models
    entry = yaml.safe_load((ROOT / "conf" / env / "environment.yml").read_text())
    assert entry["description"] and (env == "photos") == ("extends" not in entry)


@pytest.mark.parametrize(
    ("base", "preset", "options"),
    [
        ("paper", "vace_14b_48gb", {"offload"}),
        (
            "vace_14b_48gb",
            "vace_14b_24gb",  # whose transformers are in 8 bits, which changes clips
            {"offload", "quantisation", "compile", "vae_dtype", "free_text_encoder"}
            | {"stream_text_encoder", "batch_size", "one_family_at_a_time"},
        ),
        (
            "vace_1_3b",
            "vace_1_3b_12gb",
            {"free_text_encoder", "stream_text_encoder", "vae_tiling"}
            | {"quantisation", "batch_size", "one_family_at_a_time"},
        ),
    ],
)
def test_a_preset_for_a_smaller_card_changes_what_memory_takes_and_nothing_else(
    base: str, preset: str, options: set[str]
) -> None:
    changed = differences(raw(base), raw(preset))
    stated = {key for key in changed if ".memory." in key}
    assert {key.rpartition(".")[2] for key in {*changed} - stated} == options
    assert all(".options." in key or key.startswith("scoring.") for key in {*changed} - stated)
    found, used = parameters(preset), used_models(parameters(preset))
    for name in used - {"hailuo"}:
        if found.models[name].type.endswith(("WanVace", "Phantom", "VaceStill", "AcePlus")):
            options = found.models[name].options
            saving = {"offload": "model", "quantisation": "fp8", "stream_text_encoder": True}
            assert any(options.get(option) == value for option, value in saving.items()), name


@pytest.mark.parametrize("env", FAST)
def test_a_fast_environment_runs_distilled_models_as_they_were_trained(env: str) -> None:
    found = parameters(env)
    changed = differences(raw(FAST[env]), raw(env))
    assert {key.partition(".")[0] for key in changed} == {"models", "variants", "reporting", "moe"}
    for variant in found.variants.values():
        spec = found.models[variant.generator]
        if spec.type.endswith(("WanVace", "Phantom")):
            options = WanOptions(**{k: v for k, v in spec.options.items() if k not in OWN_OPTIONS})
            assert (options.steps, options.flow_shift, options.sigmas) == (4, 5.0, "diffusers")
            assert options.sampler == ("euler" if env == "vace_14b_fast" else "lcm")
            assert [lora.scale for lora in options.loras] == [1.0]
            assert variant.guidance.text_weight == spec.options.get("image_scale", 0.0), "no CFG"
    guided = {name for name, v in found.variants.items() if v.guidance.identity_weight}
    assert guided == {n for n in found.variants if "_ge" in n}


def test_every_model_for_photos_has_one_entry() -> None:
    seen: list[str] = []
    for file in (ROOT / "conf").glob("[!m]*/parameters*.yml"):
        models = (yaml.safe_load(file.read_text()) or {}).get("models") or {}
        seen += [name for name, entry in models.items() if "type" in entry]
    assert sorted(seen) == sorted(set(seen))
