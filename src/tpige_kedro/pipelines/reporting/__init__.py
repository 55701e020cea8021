"""The last pipeline: contact sheets, tables and one page that opens from disk."""

from tpige_kedro.pipelines.reporting.pipeline import create_pipeline

__all__ = ["create_pipeline"]
