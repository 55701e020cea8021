"""Stage 5: per sample the best clip of all experts (paper section 3.5), and what the selection gains."""

from tpige_kedro.pipelines.moe_selection.pipeline import create_pipeline

__all__ = ["create_pipeline"]
