"""Stage 4: every metric of every clip (paper section 3.5), computed from the clip that it names."""

from tpige_kedro.pipelines.scoring.pipeline import create_pipeline

__all__ = ["create_pipeline"]
