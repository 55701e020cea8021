"""The pipeline ``train_mini``: from nothing to the checkpoints of the laptop run. It needs a GPU (about 20 minutes of an H100)."""

from __future__ import annotations

from kedro.pipeline import Node, Pipeline

from tpige_kedro.mini.nodes import collect_log, publish, train_judging, train_stage


def create_pipeline() -> Pipeline:
    """Five generator stages, the judging networks, the log and the publication; each node goes on from the last one's mark."""
    settings = "params:train_mini"
    return Pipeline(
        [
            Node(
                train_stage("vae"), inputs=[settings], outputs="mini_vae_trained", name="train_vae"
            ),
            Node(
                train_stage("decoder"),
                inputs=[settings, "mini_vae_trained"],
                outputs="mini_decoder_trained",
                name="train_decoder",
            ),
            Node(
                train_stage("vace"),
                inputs=[settings, "mini_decoder_trained"],
                outputs="mini_vace_trained",
                name="train_vace",
            ),
            Node(
                train_stage("phantom"),
                inputs=[settings, "mini_vace_trained"],
                outputs="mini_phantom_trained",
                name="train_phantom",
            ),
            Node(
                train_stage("distilled"),
                inputs=[settings, "mini_vace_trained"],
                outputs="mini_fast_trained",
                name="train_distilled",
            ),
            Node(
                train_judging,
                inputs=[settings, "mini_decoder_trained"],
                outputs="mini_judges_trained",
                name="train_judges",
            ),
            Node(
                collect_log,
                inputs=[
                    settings,
                    "mini_phantom_trained",
                    "mini_fast_trained",
                    "mini_judges_trained",
                ],
                outputs="mini_training_log",
                name="collect_log",
            ),
            Node(
                publish,
                inputs=[settings, "mini_training_log"],
                outputs="mini_checkpoints",
                name="publish",
            ),
        ],
        namespace="train_mini",
        prefix_datasets_with_namespace=False,
        tags=["gpu"],
    )
