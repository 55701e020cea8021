from __future__ import annotations

import graphlib
import subprocess
import sys
import tomllib
from typing import get_type_hints

import pytest
import yaml
from kedro.framework.project import pipelines
from kedro.framework.session import KedroSession
from kedro.framework.startup import bootstrap_project
from kedro.validation.type_extractor import TypeExtractor
from pydantic import BaseModel

from project import ROOT, STAGES, Project
from tpige_kedro.schemas import Guidance, Parameters

LAYERS = {
    "raw", "intermediate", "primary", "feature", "model_input", "models", "model_output", "reporting",
}  # fmt: skip
HEAVY = [
    "torch",
    "diffusers",
    "transformers",
    "mlflow",
    "matplotlib",
    "av",
    "openai",
    "insightface",
    "pandera",
]


@pytest.fixture(scope="module", autouse=True)
def base() -> None:
    bootstrap_project(ROOT)


def context(env: str = "local"):
    with KedroSession.create(project_path=ROOT, env=env) as session:
        return session.load_context()


def shipped_environments() -> list[str]:
    return sorted(
        f.name for f in (ROOT / "conf").iterdir() if f.is_dir() and f.name not in {"base", "local"}
    )


def test_the_legacy_pointer_agrees_with_pyproject() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["kedro"]
    legacy = yaml.safe_load((ROOT / ".kedro.yml").read_text())
    assert legacy["package_name"] == settings["package_name"]
    assert legacy["project_name"] == settings["project_name"]
    assert (ROOT / legacy["source_dir"] / legacy["package_name"] / "settings.py").exists()


def test_no_telemetry_without_asking() -> None:
    assert yaml.safe_load((ROOT / ".telemetry").read_text()) == {"consent": False}


def test_what_is_kept_and_what_is_ignored() -> None:
    def ignored(path: str) -> bool:
        return (
            subprocess.run(["git", "check-ignore", "-q", path], cwd=ROOT, check=False).returncode
            == 0
        )

    for path in (
        "data/07_model_output/clips/v/s.mp4",
        "data/test/x",
        "mlflow.db",
        "conf/local/parameters.yml",
    ):
        assert ignored(path), path
    for path in (
        "data/01_raw/demo/samples.csv",
        "data/06_models/mini/vace/config.json",
        "data/08_reporting/.gitkeep",
        ".telemetry",
    ):
        assert not ignored(path), path


def test_full_and_default_are_the_stages_and_the_report() -> None:
    everything = {node for stage in (*STAGES, "reporting") for node in pipelines[stage].nodes}
    assert set(pipelines["full"].nodes) == set(pipelines["__default__"].nodes) == everything
    extra = {"reporting", "full", "__default__", "evaluate", "train_mini"}
    assert {*STAGES, *extra} == set(pipelines)


def test_the_variants_of_the_registry_are_those_of_the_parameters() -> None:
    variants = yaml.safe_load((ROOT / "conf/base/parameters_variants.yml").read_text())["variants"]
    boxes = {node.namespace for node in pipelines["generation_variants"].nodes}
    assert boxes == {"generation_variants", *(f"generation_variants.{name}" for name in variants)}


def test_every_dataset_has_a_place_and_a_layer() -> None:
    catalog = context().catalog
    for name in sorted(pipelines["full"].datasets()):
        if not name.startswith("params:"):
            layer = catalog.get(name).metadata["kedro-viz"]["layer"]
            assert layer in LAYERS, name


def test_layers_follow_the_flow() -> None:
    """Kedro-Viz draws its bands only if no layer is before and after another."""
    catalog = context().catalog
    layers = {
        name: catalog.get(name).metadata["kedro-viz"]["layer"]
        for name in pipelines["full"].datasets()
        if not name.startswith("params:")
    }
    boxes = [
        pipelines[stage] for stage in (*STAGES, "reporting")
    ]  # a collapsed stage counts like a node
    flows = [(box.inputs(), box.all_outputs()) for box in boxes]
    flows += [(set(node.inputs), set(node.outputs)) for node in pipelines["full"].nodes]
    before: dict[str, set[str]] = {}
    for used, made in flows:
        above = {layers[name] for name in used if name in layers}
        for layer in {layers[name] for name in made}:
            before.setdefault(layer, set()).update(above - {layer})
    order = list(graphlib.TopologicalSorter(before).static_order())
    assert order == [
        "raw", "intermediate", "feature", "model_input", "model_output", "reporting",
    ]  # fmt: skip


def test_every_catalog_entry_is_used() -> None:
    used = {name for pipeline in pipelines.values() for name in pipeline.datasets()}
    written = [yaml.safe_load(f.read_text()) for f in (ROOT / "conf/base").glob("catalog*.yml")]
    plain = {name for file in written for name in file if "{" not in name}
    assert plain <= used


def test_tables_are_checked() -> None:
    written = [yaml.safe_load(f.read_text()) for f in (ROOT / "conf/base").glob("catalog*.yml")]
    tables = {
        n: e
        for file in written
        for n, e in file.items()
        if "Parquet" in e["type"] or n == "samples"
    }
    assert tables and all("validator" in entry for entry in tables.values())


def test_stage_options_are_typed_so_that_kedro_checks_them() -> None:
    types = TypeExtractor(dict(pipelines)).extract_types_from_pipelines()
    for name in (
        "prompt_enhancement",
        "reference_enhancement",
        "scoring",
        "moe",
        "reporting",
        "provenance",
        "train_mini",
    ):
        assert issubclass(types[name], BaseModel), name


def test_the_types_of_all_nodes_can_be_resolved() -> None:
    """Kedro passes over a node with a name that it cannot resolve, and hands it plain mappings."""
    for name, pipeline in pipelines.items():
        for node in pipeline.nodes:
            assert get_type_hints(node.func), f"{name}: {node.name}"


def test_no_node_takes_more_than_six_inputs() -> None:
    for name, pipeline in pipelines.items():
        for node in pipeline.nodes:
            assert len(node.inputs) <= 6, f"{name}: {node.name}"


def test_the_catalog_is_small() -> None:
    written = [yaml.safe_load(f.read_text()) for f in (ROOT / "conf/base").glob("catalog*.yml")]
    entries = [name for file in written for name in file if not name.startswith("_")]
    assert len(entries) <= 40


@pytest.mark.parametrize("env", ["local", *shipped_environments()])
def test_the_parameters_of_every_environment_are_valid(env: str) -> None:
    parameters = Parameters.model_validate(context(env).config_loader["parameters"])
    assert parameters.variants


def test_the_paper_chooses_among_six() -> None:
    parameters = Parameters.model_validate(context().config_loader["parameters"])
    assert set(parameters.moe.experts) == {
        "hailuo",
        "phantom",
        "vace",
        "vace_pe",
        "vace_pe_ie",
        "vace_pe_ge",
    }


@pytest.mark.parametrize("env", ["local", *shipped_environments()])
def test_guidance_enhancement_is_compared_with_the_same_text_guidance_without_it(env: str) -> None:
    parameters = Parameters.model_validate(context(env).config_loader["parameters"])
    guided = parameters.variants["vace_pe_ge"]
    alone = guided.model_copy(
        update={"guidance": Guidance(text_weight=guided.guidance.text_weight)}
    )
    controls = [name for name, variant in parameters.variants.items() if variant == alone]
    assert guided.guidance.identity_weight > 0
    assert any(("vace_pe_ge", name) in parameters.moe.comparisons for name in controls)


def test_listing_pipelines_imports_nothing_heavy() -> None:
    code = (
        "import sys; from kedro.framework.startup import bootstrap_project; bootstrap_project('.');"
        "from kedro.framework.project import pipelines, settings; list(pipelines.keys()); settings.HOOKS;"
        f"print([m for m in {HEAVY} if m in sys.modules])"
    )
    found = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert found.stdout.strip().splitlines()[-1] == "[]"


@pytest.mark.parametrize("option", ["--pipeline=full", "--pipelines=full"])
def test_both_spellings_of_the_option_run(project: Project, option: str) -> None:
    process = project.command(option)
    output, _ = process.communicate(timeout=180)
    assert process.returncode == 0, output
    assert "generation_variants.vace: 2/2 s2" in output
    assert project.files("08_reporting/report.html")


def test_the_package_runs_without_the_kedro_command(project: Project) -> None:
    process = project.command("--pipelines=prompt_enhancement", module=("tpige_kedro",))
    output, _ = process.communicate(timeout=180)
    assert process.returncode == 0, output
    assert project.files("05_model_input/enhanced_prompts.parquet")


def test_an_error_is_one_message_and_no_traceback(project: Project) -> None:
    project.configure(variants={"vace": {"promt": "enhanced"}})
    process = project.command()
    output, _ = process.communicate(timeout=180)
    assert process.returncode == 1
    assert "variants.vace.promt: unknown key" in output and "Traceback" not in output
