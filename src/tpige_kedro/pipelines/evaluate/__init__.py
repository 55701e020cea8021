"""Scoring alone, of clips that exist: made here or elsewhere, compared and reported; nothing is enhanced or generated."""

from tpige_kedro.pipelines.evaluate.pipeline import create_pipeline

__all__ = ["create_pipeline"]
