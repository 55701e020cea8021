from __future__ import annotations

import graphlib
import subprocess
import sys
import tomllib
from typing import Any, get_type_hints

import pytest
import yaml
from kedro.framework.project import pipelines
from kedro.framework.session import KedroSession
from kedro.framework.startup import bootstrap_project
from kedro.pipeline import Pipeline
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
    names = {f.name for f in (ROOT / "conf").iterdir() if f.is_dir()} - {"base", "local"}
    return sorted(name for name in names if not name.startswith("my_"))  # a user's own


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
    extra = {"reporting", "full", "__default__", "evaluate", "study", "train_mini"}
    assert {*STAGES, *extra} == set(pipelines)


IN_MEMORY = {
    "report_headline",
    "report_variants",
    "report_results",
    "report_notes",
    "report_page",
    "gallery_pages",
    "means_plot",
}  # parts of the report's page
IN_MEMORY |= {
    "declared_scores",
    "variant_comparison",
    "paper_summary",
    "study_today",
    "report_study",
}  # tables on the disk with what their metrics are
IN_MEMORY |= {"variant_summary", "variant_differences", "win_shares"}  # parts of `statistics`
IN_MEMORY |= {"variant_table", "paper_tables"}  # parts of `printed_tables`


def persisted(pipeline: str = "full") -> list[str]:
    """The datasets of a pipeline that the catalog has a place for."""
    names = sorted(pipelines[pipeline].datasets())
    return [name for name in names if not name.startswith("params:") and name not in IN_MEMORY]


def written_entries() -> dict[str, dict[str, Any]]:
    files = (ROOT / "conf/base").glob("catalog*.yml")
    entries = [item for file in files for item in yaml.safe_load(file.read_text()).items()]
    return {name: entry for name, entry in entries if not name.startswith("_")}


def test_pipelines_do_not_depend_on_the_variants() -> None:
    variants = yaml.safe_load((ROOT / "conf/base/parameters_variants.yml").read_text())["variants"]
    names = pipelines["full"].datasets() | pipelines["evaluate"].datasets()
    assert not [n for n in names if any(n.endswith(f"_{v}") for v in variants)]


def test_every_dataset_has_a_place_and_a_layer() -> None:
    catalog = context().catalog
    for name in persisted():
        layer = catalog.get(name).metadata["kedro-viz"]["layer"]
        assert layer in LAYERS, name


def boxes() -> dict[str, Pipeline]:
    """What Kedro-Viz shows collapsed when it opens ``full``: the nodes by the first part of their namespace."""
    names = {str(node.namespace).split(".")[0] for node in pipelines["full"].nodes}
    return {name: pipelines["full"].only_nodes_with_namespaces([name]) for name in sorted(names)}


def first_view() -> dict[str, set[str]]:
    """By box and dataset what it comes from; a dataset that is made and used within one box is not shown."""
    found: dict[str, set[str]] = {}
    made = {name: box.all_outputs() for name, box in boxes().items()}
    used = {name: {i for i in box.inputs() if "params:" not in i} for name, box in boxes().items()}
    for name, box in boxes().items():
        found[name] = used[name]
        shown = box.outputs() | {d for d in made[name] for o in used if o != name and d in used[o]}
        found |= {dataset: {name} for dataset in shown}
    return found | {dataset: set() for dataset in pipelines["full"].inputs() & set().union(*used.values())}  # fmt: skip


def test_the_first_view_of_kedro_viz_is_small_enough_to_be_read() -> None:
    """It opens at the size at which all of it fits on the screen, so that every rank and every band makes its labels smaller."""
    view = first_view()
    assert sorted(boxes()) == ["enhance_inputs", "make_and_score_clips", "select_and_report"]
    for box, stages in {
        "enhance_inputs": {"prompt_enhancement", "reference_enhancement", "failed_inputs"},
        "make_and_score_clips": {"generation_variants", "scoring", "failed_clips"},
        "select_and_report": {"moe_selection", "reporting"},
    }.items():
        inside = {str(node.namespace).split(".")[1] for node in boxes()[box].nodes}
        assert inside == stages, "each stage is a box within"
    order = graphlib.TopologicalSorter(view).static_order()
    rank: dict[str, int] = {}
    for name in order:
        rank[name] = max((rank[before] + 1 for before in view[name]), default=0)
    assert max(rank.values()) + 1 == 7, "ranks"
    datasets = view.keys() - boxes().keys()
    assert len(datasets) <= 19
    catalog = context().catalog
    bands = {catalog.get(name).metadata["kedro-viz"]["layer"] for name in datasets}
    assert bands == {"raw", "model_input", "model_output", "reporting"}
    for name in datasets:  # one band a rank, else Kedro-Viz adds ranks
        layers = {catalog.get(o).metadata["kedro-viz"]["layer"] for o in datasets if rank[o] == rank[name]}  # fmt: skip
        assert len(layers) == 1, layers


def test_layers_follow_the_flow() -> None:
    """Kedro-Viz draws its bands only if no layer is before and after another."""
    catalog = context().catalog
    layers = {name: catalog.get(name).metadata["kedro-viz"]["layer"] for name in persisted()}
    flows = [(box.inputs(), box.all_outputs()) for box in boxes().values()]  # each like a node
    flows += [(set(node.inputs), set(node.outputs)) for node in pipelines["full"].nodes]
    before: dict[str, set[str]] = {}
    for used, made in flows:
        above = {layers[name] for name in used if name in layers}
        for layer in {layers[name] for name in made if name in layers}:
            before.setdefault(layer, set()).update(above - {layer})
    order = list(graphlib.TopologicalSorter(before).static_order())
    assert order == ["raw", "intermediate", "model_input", "model_output", "reporting"]


def test_every_catalog_entry_is_used() -> None:
    used = {name for pipeline in pipelines.values() for name in pipeline.datasets()}
    assert set(written_entries()) <= used


def test_tables_are_checked() -> None:
    tables = {n: e for n, e in written_entries().items() if "Table" in e["type"] or n == "samples"}
    without = {n for n, e in tables.items() if "validator" not in e}
    # what may be empty or has a column per metric
    assert without == {"printed_tables", "study_results"}


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
    assert len(written_entries()) <= 40  # four of them of the study


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
    assert "generation_variants: 4/4 vace_pe_ie/s2" in output
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
