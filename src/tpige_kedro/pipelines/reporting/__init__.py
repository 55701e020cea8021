"""The last pipeline: contact sheets, tables and one page that opens from disk."""

from tpige_kedro.pipelines.reporting.pipeline import CLIP_FAILURES, INPUT_FAILURES, create_pipeline

__all__ = ["CLIP_FAILURES", "INPUT_FAILURES", "create_pipeline"]
