"""The log of a rehearsal: without what to run next, and without the best variant of noise."""

from __future__ import annotations

import logging

import pytest

from tpige_kedro.rehearsal.quiet import COMPUTED, ELSEWHERE, without_misleading_lines

HOOKS = logging.getLogger("tpige_kedro.hooks.failures")
PARAMETERS = logging.getLogger("tpige_kedro.hooks.parameters")
PLAN = logging.getLogger("tpige_kedro.pipelines.generation_variants.plan")


def test_lines_that_mislead_are_left_out(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")

    def log() -> list[str]:
        caplog.clear()
        HOOKS.info("%s", "next: the same command with --pipelines=scoring")
        HOOKS.info("the result:\n%s", "  best variant: vace, Overall 0.3 over 1 clip")
        PARAMETERS.info("%s", "costs at most: hailuo 50 paid tasks (max_tasks)")
        HOOKS.info("this run:\n%s", "  scoring 1 made")
        for reason in (ELSEWHERE, COMPUTED, "no key: MINIMAX_API_KEY is not set"):
            PLAN.warning("generation_variants.%s: skipped, %s", "hailuo", reason)
        return [record.getMessage().split("\n")[0] for record in caplog.records]

    with without_misleading_lines():
        assert log() == [
            "this run:",
            "generation_variants.hailuo: skipped, no key: MINIMAX_API_KEY is not set",
        ]
    assert len(log()) == 7, "outside it says all of them"
