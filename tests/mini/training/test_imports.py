"""The training runs on a bare GPU machine with torch, diffusers and transformers."""

from __future__ import annotations

import json
import subprocess
import sys

SPY = """
import builtins, importlib, json, pkgutil, sys
ABSENT = {"pydantic", "kedro", "kedro_datasets", "pandas", "pandera", "PIL", "mlflow", "omegaconf"}
asked, real = set(), builtins.__import__

def spy(name, globals=None, locals=None, fromlist=(), level=0):
    importer = (globals or {}).get("__name__", "")
    if level == 0 and importer.startswith("tpige_kedro") and name.partition(".")[0] in ABSENT:
        asked.add(f"{importer}: {name}")
    return real(name, globals, locals, fromlist, level)

builtins.__import__ = spy
for package in ("training", "judges_training", "world"):
    root = importlib.import_module(f"tpige_kedro.mini.{package}")
    for module in pkgutil.iter_modules(root.__path__):
        importlib.import_module(f"{root.__name__}.{module.name}")
found = [name for name in sys.modules if name.startswith("tpige_kedro.mini.training.")]
print(json.dumps([sorted(asked), len(found)]))
"""


def test_no_module_of_the_training_asks_for_more_than_torch_diffusers_and_transformers() -> None:
    """Diffusers itself may load Pillow and others; what our own modules import is watched."""
    done = subprocess.run([sys.executable, "-c", SPY], capture_output=True, text=True, check=True)
    asked, modules = json.loads(done.stdout.splitlines()[-1])
    assert asked == [] and modules >= 13
