"""Seconds of a clip of VACE-14B (832 x 480 x 81, one reference) for each row, counted from what benchmarks/clip_cost measured on one card.

A row of 20 steps stands for 50 with the same guidance windows; one of 8 or 4 for itself. Forwards are counted as the guider asks for them and
multiplied by the seconds of their branch and precision. How many forwards a cache reuses is taken from the mini model: a trained model
of full size may reuse more or fewer.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from statistics import fmean
from typing import Any

from benchmarks.price_list.rows import Row
from tpige_kedro.guidance.id_aware import IdAwareGuidance
from tpige_kedro.schemas import Guidance

FILE = Path(__file__).parents[1] / "clip_cost" / "rows_h200.jsonl"
FULL_STEPS = 50
CONFIGURATIONS = {
    ("bf16", "bf16"): "exact",
    ("fp8", "bf16"): "fp8",
    ("fp8", "fp8"): "fp8 + attention",
}
CACHED = "fp8 + attention"  # the one in which reused forwards were timed
COND, WEAK = "pred_cond", "pred_weak"


class Seconds:
    """What was measured of one model on one card."""

    def __init__(self, rows: Mapping[str, Mapping[str, Any]], model: str = "14b") -> None:
        self.rows = {
            key.removeprefix(f"{model} "): row for key, row in rows.items() if row["model"] == model
        }
        self.parts = self.rows["parts"]

    @classmethod
    def load(cls, file: Path = FILE) -> Seconds:
        """From the rows of ``benchmarks/clip_cost/run.py``."""
        rows = map(json.loads, file.read_text().splitlines())
        return cls({row["key"]: row for row in rows})

    def forward(self, branch: str, linear: str, attention: str) -> float:
        """One forward of a branch (``pred_cond``, ``pred_uncond``, ``pred_weak`` of form ``t2v``).

        8 bits in attention alone were not timed: counted as exact less what they save beside linear layers in 8 bits.
        """
        if (linear, attention) == ("bf16", "fp8"):
            saved = self.forward(branch, "fp8", "bf16") - self.forward(branch, "fp8", "fp8")
            return self.forward(branch, "bf16", "bf16") - saved
        timed = self.rows[f"{CONFIGURATIONS[linear, attention]} steps"]["forwards"]
        return mean_of(timed, branch)

    def watched(self, branch: str, linear: str, attention: str) -> float:
        """A forward that the cache has watched and not reused: what watching adds is timed in one precision."""
        return self._scaled("computed", branch, linear, attention)

    def reused(self, branch: str, linear: str, attention: str) -> float:
        """A reused forward: timed in one precision, in proportion to a forward in the others."""
        return self._scaled("reused", branch, linear, attention)

    def _scaled(self, what: str, branch: str, linear: str, attention: str) -> float:
        share = mean_of(self.rows[f"{CACHED} cache"][what], branch) / self.forward(
            branch, "fp8", "fp8"
        )
        return share * self.forward(branch, linear, attention)

    def beside(self, linear: str) -> float:
        """Of a step beside its forwards."""
        row = self.rows[f"{CONFIGURATIONS[linear, linear]} steps"]
        return (sum(row["steps"]) - sum(seconds for _, seconds in row["forwards"])) / len(
            row["steps"]
        )

    def around(self, vae: str) -> float:
        """Text, reference and decoding; no mp4."""
        return float(self.parts["text"] + self.parts["reference"] + self.parts[f"decode_{vae}"])

    def clip(self, row: Row, reused: Mapping[str, float]) -> float:
        """A whole clip; ``reused``: the share of each branch's forwards that the cache reuses."""
        steps = row.steps if row.is_short else FULL_STEPS
        linear, attention = row.linear, row.attention
        total = steps * self.beside(linear) + self.around(row.options.get("vae_dtype", "float32"))
        for branch, count in forwards(row.checked, steps).items():
            kind = COND if branch == WEAK and row.checked.weak_branch != "t2v" else branch
            share = reused.get(branch, 0.0)
            computed = self.watched if "cache" in row.options else self.forward
            total += count * (1 - share) * computed(kind, linear, attention)
            total += count * share * self.reused(kind, linear, attention)
        return total


def forwards(guidance: Guidance, steps: int) -> Counter[str]:
    """How many forwards of each branch a run takes, as the guider says."""
    guider, counts = IdAwareGuidance.from_settings(guidance), Counter[str]()
    for step in range(steps):
        guider.set_state(step, steps, None)
        counts.update(guider.branches())
    return counts


def mean_of(timed: list[list[Any]], branch: str) -> float:
    """Mean seconds of the forwards of a branch."""
    return fmean(seconds for name, seconds in timed if f"pred_{name}" == branch)


def reused_shares(about: Mapping[str, Any]) -> dict[str, float]:
    """Of a finished row, the share of each branch's forwards that were reused."""
    return {branch: count / about["forwards"][branch] for branch, count in about["reused"].items()}
