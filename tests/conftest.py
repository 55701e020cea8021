"""How the tests share the machine, and a small project with stand-in models, for tests of everything around the models."""

from __future__ import annotations

import atexit
import logging
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

# before anything imports torch: a process uses one core, for the processes of pytest-xdist are there for the others
os.environ.setdefault("OMP_NUM_THREADS", "1")
# before anything imports huggingface_hub: no test waits for a hub that may not be there
os.environ.setdefault("HF_HUB_OFFLINE", "1")
# hashes of made-up weights stay out of the user's own cache; the processes of pytest-xdist inherit the folder
if "TPIGE_CACHE" not in os.environ:
    os.environ["TPIGE_CACHE"] = tempfile.mkdtemp(prefix="tpige-cache-")
    atexit.register(shutil.rmtree, os.environ["TPIGE_CACHE"], ignore_errors=True)

# tests that run in the background ignore Ctrl-C, and the commands that they start and interrupt would inherit that
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

import hypothesis
import pytest
import yaml

from disk import do_not_wait
from distribution import ByGroup, place
from mlflow_store import Store
from project import FAKE_MODELS, ROOT, Project, row
from remembered import imported_stays, remember
from tpige_kedro.models import release_models

VARIANTS = {
    "hailuo": {"generator": "hailuo"},
    "vace": {"generator": "mini_vace"},
    "vace_pe_ie": {"generator": "mini_vace", "prompt": "enhanced", "reference": "enhanced"},
}

remember()
do_not_wait()

# no example is too slow: how long one takes depends on what else the machine does
hypothesis.settings.register_profile(
    "any machine",
    deadline=None,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.load_profile("any machine")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: place(item.nodeid))


def pytest_collection_finish() -> None:
    imported_stays()


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Three processes for all tests, of which one often waits for a server or a deadline; a part of them begins sooner in this one."""
    return 3 if config.args == config.getini("testpaths") else 0


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    return ByGroup(config, log) if config.getoption("dist") == "loadfile" else None


@pytest.fixture(autouse=True)
def no_store_of_another_test() -> Iterator[None]:
    """MLflow keeps the store that was set last for the whole process, also as a variable that commands read."""
    yield
    if "mlflow.tracking" in sys.modules:
        sys.modules["mlflow.tracking"].set_tracking_uri(None)


@pytest.fixture(autouse=True)
def warnings_are_logged() -> Iterator[None]:
    """A test that leaves the project's logger switched off takes the words from all tests behind it in its process."""
    yield
    logger = logging.getLogger("tpige_kedro")
    heard = logger.isEnabledFor(logging.WARNING) and logger.propagate and not logger.disabled
    assert heard, "this test left warnings of tpige_kedro switched off"


def in_one_process(conf: Path) -> None:
    """Runs of tests start no workers, unless they say so."""
    file = conf / "base" / "parameters.yml"
    text = file.read_text()
    assert "engine: processes" in text
    file.write_text(text.replace("engine: processes", "engine: local"))


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    """Two samples, two variants and a skipped one, stand-in models, no MLflow."""
    made = Project(tmp_path)
    shutil.copytree(ROOT / "conf", made.conf)
    in_one_process(made.conf)
    (made.conf / "base" / "parameters_variants.yml").write_text(
        yaml.safe_dump({"variants": VARIANTS})
    )
    made.configure(
        models={
            name: {"type": f"fakes.{cls}", "source": None} for name, cls in FAKE_MODELS.items()
        },
        moe={"experts": list(VARIANTS), "comparisons": [], "resamples": 200},
    )
    (made.conf / made.env / "mlflow.yml").write_text("enabled: false\n")
    made.write_samples([row(1, prompt="A man reads."), row(2, prompt="A man runs.")])
    monkeypatch.setenv("FAKES_LOG", str(tmp_path / "fakes.log"))
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path / 'mlflow.db'}")
    monkeypatch.delenv("MINIMAX_API_KEY", raising=False)
    release_models()
    yield made
    release_models()


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty MLflow database, made once: its migrations take seconds."""
    file = tmp_path_factory.mktemp("mlflow") / "empty.db"
    Store(file).client.search_experiments()
    return file


@pytest.fixture
def store(project: Project, empty_store: Path) -> Store:
    """Switches MLflow on in the small project."""
    file = project.folder / "mlflow.db"
    shutil.copy(empty_store, file)
    (project.conf / project.env / "mlflow.yml").write_text(
        "experiment: tests\nclips_per_variant: 1\n"
    )
    return Store(file)
