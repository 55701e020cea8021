"""Stage 3: every variant makes a clip of every sample (paper section 3.4); variants are entries in the parameters."""

from tpige_kedro.pipelines.generation_variants.pipeline import create_pipeline

__all__ = ["create_pipeline"]
