"""The rows of the price list: what each changes of the generator and of the guidance, and which exact row it is compared with."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from tpige_kedro.schemas import Guidance

Settings = dict[str, Any]
STEPS = 20  # of the rows that stand for the paper's 50
THRESHOLDS = {"low": 0.065, "middle": 0.11, "high": 0.25}  # about 15, 35 and 55 % reused
LORA = "vace_fast"  # stands for the file that the run is given


@dataclass(frozen=True)
class Row:
    """``options`` are changes of ``mini_vace``. ``exact``: the row with the same guidance and no acceleration; ``unguided``: the
    same row without the identity term.
    """

    guidance: Settings
    options: Settings = field(default_factory=dict)
    fp8_attention: bool = False
    exact: str = ""
    unguided: str = ""

    @property
    def steps(self) -> int:
        """Of the sampler."""
        return int(self.options.get("steps", STEPS))

    @property
    def is_short(self) -> bool:
        """Whether it has its own number of steps, and stands for no other one."""
        return self.steps != STEPS

    @property
    def linear(self) -> str:
        """What its linear layers compute in at full size."""
        return "fp8" if self.options.get("quantisation") == "fp8" else "bf16"

    @property
    def attention(self) -> str:
        """What its attention computes in at full size."""
        return "fp8" if self.fp8_attention else "bf16"

    @property
    def checked(self) -> Guidance:
        """The guidance as the product checks it."""
        return Guidance(**self.guidance)


CFG: Settings = {"text_weight": 1.0}
GE: Settings = {"text_weight": 1.0, "identity_weight": 0.5, "weak_branch": "t2v", "reuse_every": 8}
NO_TEXT: Settings = {"text_weight": 0.0}
FP8: Settings = {"quantisation": "fp8"}
FIRST_HALF, LAST_HALF = {"stop": 0.5}, {"start": 0.5}


def identity(weight: float = 0.5, **settings: Any) -> Settings:
    """Guidance by identity alone."""
    return {**NO_TEXT, "identity_weight": weight, "weak_branch": "t2v", **settings}


def cache(level: str) -> Settings:
    """The options of a cache."""
    return {"cache": {"threshold": THRESHOLDS[level]}}


def precisions(name: str, guidance: Settings) -> Iterator[tuple[str, Row]]:
    """A guidance in 8 bits."""
    yield f"{name}_fp8", Row(guidance, FP8, exact=name)
    yield f"{name}_fp8_attention", Row(guidance, fp8_attention=True, exact=name)
    yield f"{name}_fp8_both", Row(guidance, FP8, fp8_attention=True, exact=name)


def caches(name: str, guidance: Settings) -> Iterator[tuple[str, Row]]:
    """A guidance with the cache, alone and in 8 bits."""
    for level in THRESHOLDS:
        yield f"{name}_cache_{level}", Row(guidance, cache(level), exact=name)
    both = {**FP8, **cache("middle")}
    yield f"{name}_fp8_both_cache_middle", Row(guidance, both, fp8_attention=True, exact=name)


def few(steps: int, guidance: Settings, lora: bool = True, unguided: str = "", **more: Any) -> Row:
    """Euler steps of the distilled model, or of the plain one."""
    options = {"steps": steps, "sampler": "euler", "loras": [LORA] * lora}
    options |= more.pop("options", {})
    return Row(guidance, options, exact="ge" if unguided else "cfg", unguided=unguided, **more)


def ge_with(**changes: Any) -> Row:
    """The guidance of ``ge`` with changes."""
    return Row({**GE, **changes}, exact="ge")


IN_FP8: Settings = {"options": FP8, "fp8_attention": True}
ROWS: dict[str, Row] = {  # the most valuable first
    "cfg": Row(CFG),
    "ge": Row(GE),
    **dict(precisions("ge", GE)),
    **dict(caches("ge", GE)),
    "steps_8": few(8, NO_TEXT),
    "steps_4": few(4, NO_TEXT),
    "steps_8_ge": few(8, identity(), unguided="steps_8"),
    "steps_4_ge": few(4, identity(), unguided="steps_4"),
    "steps_4_ge_last_half": few(4, identity(identity_schedule=LAST_HALF), unguided="steps_4"),
    "steps_4_ge_blank": few(4, identity(weak_branch="blank_reference"), unguided="steps_4"),
    "no_lora_4": few(4, NO_TEXT, lora=False),
    "no_lora_4_ge": few(4, identity(), lora=False, unguided="no_lora_4"),
    **dict(precisions("cfg", CFG)),
    **dict(caches("cfg", CFG)),
    "ge_text_first_half": ge_with(text_schedule=FIRST_HALF),
    "ge_text_last_half": ge_with(text_schedule=LAST_HALF),
    "ge_reuse_8_first_1": ge_with(first_steps=1),
    "ge_reuse_5_first_1": ge_with(reuse_every=5, first_steps=1),
    "ge_rescaled": ge_with(rescale=1.0),
    "ge_vae_bf16": Row(GE, {"vae_dtype": "bfloat16"}, exact="ge"),
    "cfg_vae_bf16": Row(CFG, {"vae_dtype": "bfloat16"}, exact="cfg"),
    "steps_4_ge_first_half": few(4, identity(identity_schedule=FIRST_HALF), unguided="steps_4"),
    "steps_8_ge_last_half": few(8, identity(identity_schedule=LAST_HALF), unguided="steps_8"),
    "steps_4_fp8_both": few(4, NO_TEXT, **IN_FP8),
    "steps_4_ge_last_half_fp8_both": few(
        4, identity(identity_schedule=LAST_HALF), unguided="steps_4_fp8_both", **IN_FP8
    ),
    "cfg_text_first_half": Row({**CFG, "text_schedule": FIRST_HALF}, exact="cfg"),
    "cfg_text_last_half": Row({**CFG, "text_schedule": LAST_HALF}, exact="cfg"),
    "ge_bf16": Row(GE, {"dtype": "bfloat16"}, exact="ge"),
    "cfg_bf16": Row(CFG, {"dtype": "bfloat16"}, exact="cfg"),
    "steps_8_ge_reused": few(8, identity(reuse_every=8, first_steps=1), unguided="steps_8"),
    "steps_4_ge_quarter": few(4, identity(0.25), unguided="steps_4"),
    "steps_4_ge_one": few(4, identity(1.0), unguided="steps_4"),
    "steps_4_ge_rescaled": few(4, identity(rescale=1.0), unguided="steps_4"),
    "steps_4_ge_reused": few(4, identity(reuse_every=4, first_steps=1), unguided="steps_4"),
    "no_lora_8": few(8, NO_TEXT, lora=False),
    "no_lora_8_cfg": Row(CFG, {"steps": 8}, exact="cfg"),
    "no_lora_4_cfg": Row(CFG, {"steps": 4}, exact="cfg"),
}
FEW_STEPS = ("cfg", "ge", *(name for name, row in ROWS.items() if row.is_short))


def model_of(row: Row, name: str) -> str:
    """The name of its generator; rows with equal options share one."""
    same = (
        k
        for k, r in ROWS.items()
        if (r.options, r.fp8_attention) == (row.options, row.fp8_attention)
    )
    return f"of_{next(same, name)}"
