"""A blind pairwise study of the clips of a run: its pairs, its blinded files, and what the answers say."""

from tpige_kedro.pipelines.study.pipeline import create_pipeline

__all__ = ["create_pipeline"]
