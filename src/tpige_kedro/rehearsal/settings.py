"""The options of the command line, and what the rehearsal changes in an environment's parameters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from tpige_kedro.options import options_model
from tpige_kedro.rehearsal.places import class_name, ships
from tpige_kedro.schemas import ModelSpec

NEVER = 1_000_000  # failures that end a run
ANSWERS_LONG, FEW_TOKENS = (
    frozenset({"TransformersVlm"}),
    64,
)  # a random model never ends its answer
STEPPED = frozenset({"WanVace", "Phantom", "VaceStill", "AcePlus", "QwenImageEdit"})
WAN = {
    **{"height": 80, "width": 80, "noise_device": "cpu", "dtype": "float32"},
    **{"compile": False, "compile_vae": False},  # a minute, and a compiler that a laptop may lack
}
TINY_OPTIONS: Mapping[str, Mapping[str, Any]] = {
    "WanVace": {**WAN, "num_frames": 9},
    "Phantom": {**WAN, "num_frames": 9},
    "VaceStill": WAN,
    "AcePlus": {"height": 64, "width": 64, "max_tokens": 256, "dtype": "float32"},
    "QwenImageEdit": {"height": 64, "width": 64, "dtype": "float32", "offload": "none"},
    "TransformersVlm": {"max_tokens": 8, "dtype": "float32"},
    "GmeScorer": {"dtype": "float32"},
}


@dataclass(frozen=True)
class Settings:
    """The options of ``kedro rehearse``."""

    env: str | None
    scale: Literal["full", "tiny"] = "full"
    samples: int = 1
    steps: int = 3
    models: tuple[str, ...] = ()  # none: all
    gpu_limit: float | None = None  # GiB
    for_samples: int = 1000
    conf_source: str | None = None
    apart: bool = False  # a process for each stage, which gives all memory back, also if tiny

    @property
    def tiny(self) -> bool:
        """Whether sizes are tiny."""
        return self.scale == "tiny"


def changed_options(spec: ModelSpec, settings: Settings) -> dict[str, Any]:
    """The options of a model that the rehearsal sets."""
    kind = class_name(spec)
    options: dict[str, Any] = {}
    if settings.tiny and not any(ships(place) for place in [spec.source or ""]):
        options |= TINY_OPTIONS.get(kind, {})
    elif kind in ANSWERS_LONG:
        options["max_tokens"] = FEW_TOKENS
    if kind in STEPPED:
        options["steps"] = settings.steps
    if kind == "Hailuo":
        options["poll_seconds"] = 0.1  # its stand-in is quick
    return options


def answer_factor(spec: ModelSpec, settings: Settings) -> float:
    """How many times as long the longest answer of a local language model may be as in the rehearsal; 1 for other models."""
    used = changed_options(spec, settings).get("max_tokens")
    if used is None or class_name(spec) not in ANSWERS_LONG:
        return 1.0
    return float(load_options(spec)["max_tokens"]) / float(used)


def load_options(spec: ModelSpec) -> dict[str, Any]:
    """The options of a model, those that its class sets included."""
    fields = options_model(spec.type, spec.options).model_fields
    return {**{name: field.default for name, field in fields.items()}, **spec.options}


def run_parameters(
    settings: Settings, data_root: Path, samples: Path, listed: Path
) -> dict[str, Any]:
    """Parameters of every run of the rehearsal."""
    return {
        "data_root": str(data_root),
        "samples_root": str(samples),
        "sample_list": str(listed),
        "mlflow": {"enabled": False, "required": False},
        "execution": {
            "max_failures": NEVER,
            "engine": "local",  # what worker processes do is not seen
            **({"threads": 1} if settings.tiny else {}),
        },
        "allow_cpu": settings.tiny,
        "provenance": {"certificate": None, "private_key": None},
    }
