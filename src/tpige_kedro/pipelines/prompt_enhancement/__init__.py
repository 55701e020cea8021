"""Stage 1, paper section 3.2: face-aware prompt enhancement."""

from tpige_kedro.pipelines.prompt_enhancement.pipeline import create_pipeline

__all__ = ["create_pipeline"]
