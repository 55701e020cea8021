"""What classes say about themselves, read without importing them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tpige_kedro.declarations import declared, declared_version
from tpige_kedro.errors import ModelError

MODULE = '''
from abc import ABC
from {base_module} import Base as Parent, flag
from {base_module} import Elsewhere

raise ImportError("too heavy")


class Plain(ABC):
    version: int = 4
    options: dict = {{"base": None, "lora": "owner/lora"}}
    only_said: int
    version = 5


class Child(Parent):
    """Inherits all."""


class Grandchild(Child):
    service = False


class Nothing:
    def version(self): ...
'''
BASE = """
flag = False


class Base:
    version = 7
    service = True


class Elsewhere:
    version = 8
"""
COMPUTED = """
import functools

class Base:
    computed = 2 + 3
    first, version = 1, 2

class Two(Base, dict): ...

class Switched:
    if functools:
        version = 6

@functools.partial(lambda cls: setattr(cls, "version", 9) or cls)
class Decorated:
    version = 1

class Meta(type):
    version = 10

class Made(metaclass=Meta): ...

Alias = Base
"""


@pytest.fixture
def modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Modules under names that no other test has: ``<name>_heavy`` cannot be imported."""
    name = f"made_{abs(hash(str(tmp_path)))}"
    (tmp_path / f"{name}_base.py").write_text(BASE)
    (tmp_path / f"{name}_heavy.py").write_text(MODULE.format(base_module=f"{name}_base"))
    (tmp_path / f"{name}_computed.py").write_text(COMPUTED)
    (tmp_path / f"{name}_package").mkdir()
    (tmp_path / f"{name}_package" / "__init__.py").write_text("from .inner import Base as Shown\n")
    (tmp_path / f"{name}_package" / "inner.py").write_text(BASE)
    monkeypatch.syspath_prepend(str(tmp_path))
    return name


@pytest.mark.parametrize(
    ("path", "name", "value"),
    [
        ("heavy.Plain", "version", 5),
        ("heavy.Plain", "options", {"base": None, "lora": "owner/lora"}),
        ("heavy.Plain", "only_said", "default"),
        ("heavy.Plain", "paid", "default"),
        ("heavy.Child", "version", 7),
        ("heavy.Grandchild", "version", 7),
        ("heavy.Grandchild", "service", False),
        ("heavy.Elsewhere", "version", 8),
        ("package.Shown", "service", True),
    ],
)
def test_plain_values_are_read_from_the_source(
    modules: str, path: str, name: str, value: Any
) -> None:
    assert declared(f"{modules}_{path}", name, "default") == value
    assert f"{modules}_heavy" not in sys.modules and f"{modules}_base" not in sys.modules


@pytest.mark.parametrize(
    ("path", "name", "value"),
    [
        ("Base", "computed", 5),
        ("Base", "version", 2),
        ("Two", "version", 2),
        ("Two", "paid", "default"),
        ("Switched", "version", 6),
        ("Decorated", "version", 9),
        ("Made", "version", 10),
        ("Alias", "version", 2),
    ],
)
def test_everything_else_is_asked_of_the_class(
    modules: str, path: str, name: str, value: Any
) -> None:
    assert declared(f"{modules}_computed.{path}", name, "default") == value


def test_what_is_no_number_is_no_version(modules: str) -> None:
    for path in ("heavy.Nothing", "package.Nothing", "nowhere.Class"):
        with pytest.raises(ModelError, match="cannot be imported"):
            declared_version(f"{modules}_{path}")
    assert declared_version(f"{modules}_heavy.Plain") == 5
    with pytest.raises(ModelError, match=r"pathlib\.Path' has no version; declare `version = 1`"):
        declared_version("pathlib.Path")


def test_a_class_that_is_imported_answers_itself(
    modules: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert declared_version(f"{modules}_base.Base") == 7
    module = __import__(f"{modules}_base")
    monkeypatch.setattr(module.Base, "version", 70)
    assert declared_version(f"{modules}_base.Base") == 70


def test_the_identity_of_every_model_imports_nothing_heavy(tmp_path: Path) -> None:
    """A finished run asks for all of these before it finds that there is nothing to do."""
    code = """
import json, sys, yaml
from tpige_kedro.models import describe_model, project_root
from tpige_kedro.schemas import ModelSpec
from tpige_kedro.declarations import declared
for env in ("base", "photos", "paper", "vace_1_3b"):
    file = project_root() / "conf" / env / "parameters_models.yml"
    for name, entry in yaml.safe_load(file.read_text())["models"].items():
        if "type" in entry:
            describe_model(name, ModelSpec.model_validate(entry))
            for attribute in ("follows_instructions", "service", "paid", "concurrency"):
                declared(entry["type"], attribute, False)
heavy = ("torch", "diffusers", "transformers", "openai", "numpy", "pandas", "insightface")
print(json.dumps([name for name in heavy if name in sys.modules]))
"""
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    assert json.loads(found.stdout) == []


@pytest.mark.parametrize(
    ("path", "name", "value"),
    [
        ("tpige_kedro.video_generators.hailuo.Hailuo", "paid", True),
        ("tpige_kedro.video_generators.wan_vace.WanVace", "paid", None),
        ("tpige_kedro.vision_language.transformers_vlm.TransformersVlm", "service", False),
        ("tpige_kedro.vision_language.openai_compatible.OpenAICompatible", "service", True),
        ("tpige_kedro.vision_language.openai_compatible.OpenAICompatible", "follows_instructions", True),
        ("tpige_kedro.mini.reader.MiniFaceReader", "follows_instructions", None),
    ],
)  # fmt: skip
def test_what_the_stages_ask(path: str, name: str, value: Any) -> None:
    assert declared(path, name) is value
