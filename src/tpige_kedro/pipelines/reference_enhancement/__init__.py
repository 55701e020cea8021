"""Stage 2, paper section 3.3: prompt-aware reference enhancement."""

from tpige_kedro.pipelines.reference_enhancement.pipeline import create_pipeline

__all__ = ["create_pipeline"]
