"""GMEScore and CLIPScore against vectors made with the published code."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from golden_metrics import arrays, read, rule_state_dict
from tiny_text_models import save_gme, tiny_clip, tiny_gme
from tpige_kedro.metrics.gme_score import (
    FIRST_PIXELS,
    SECOND_PIXELS,
    GmeScorer,
    embed,
    gme_score,
    smart_resize,
)
from tpige_kedro.weights.transformers_models import load_network, load_part


@pytest.fixture(scope="module")
def vectors() -> dict[str, np.ndarray]:
    return arrays("gme_tiny.npz")


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory, vectors: dict[str, np.ndarray]) -> Any:
    """The tiny network, from files with exactly the published keys."""
    from transformers import Qwen2VLForConditionalGeneration

    described = read("gme_tiny_config.json")
    shapes = {key: tuple(shape) for key, shape, *_ in described["state_dict"]}
    weights = rule_state_dict(shapes, read("meta.json")["salt"])
    folder = save_gme(tmp_path_factory.mktemp("gme"), described["config"], weights)
    first = weights["model.embed_tokens.weight"].flatten()[:6]
    np.testing.assert_allclose(first, vectors["probe_embed"], atol=1e-7)
    patch = weights["visual.patch_embed.proj.weight"].flatten()[:6]
    np.testing.assert_allclose(patch, vectors["probe_patch"], atol=1e-7)
    cls = Qwen2VLForConditionalGeneration
    return load_network(cls, folder, torch.float32)


def tensors(vectors: dict[str, np.ndarray], *names: str) -> dict[str, torch.Tensor]:
    return {name: torch.from_numpy(vectors[name]) for name in names}


def test_embeddings_and_similarity_are_the_published_ones(network: Any, vectors: Any) -> None:
    given = tensors(vectors, "input_ids", "attention_mask", "pixel_values", "image_grid_thw")
    ids = torch.from_numpy(vectors["text_ids"])
    with torch.inference_mode():
        frames = embed(network, **given)
        text = embed(network, ids, torch.ones_like(ids))
    np.testing.assert_allclose(frames, vectors["image_embedding"], atol=1e-5)
    np.testing.assert_allclose(text, vectors["text_embedding"], atol=1e-5)
    for frame, expected in zip(frames, vectors["similarity"][0], strict=True):
        assert gme_score(text[0], frame[None]) == pytest.approx(float(expected), abs=1e-5)
    assert gme_score(text[0], frames) == pytest.approx(
        float(vectors["similarity"].mean()), abs=1e-5
    )


def test_stock_positions_give_the_other_embeddings(network: Any, vectors: Any) -> None:
    given = tensors(vectors, "input_ids", "attention_mask", "pixel_values", "image_grid_thw")
    positions = torch.from_numpy(vectors["mrope_positions"])
    is_image = (given["input_ids"] == network.config.image_token_id).int()
    with torch.inference_mode():
        stock, _ = network.model.get_rope_index(
            given["input_ids"],
            mm_token_type_ids=is_image,
            image_grid_thw=given["image_grid_thw"],
            attention_mask=given["attention_mask"],
        )
        assert torch.equal(stock, positions)
        hidden = network.model(**given, position_ids=positions).last_hidden_state[:, -1]
        ours = embed(network, **given)
    wrong = torch.nn.functional.normalize(hidden)
    np.testing.assert_allclose(wrong, vectors["image_embedding_with_mrope"], atol=1e-5)
    assert (ours - wrong).abs().max() > 1e-3


def test_padding_on_the_right_changes_no_embedding(network: Any, vectors: Any) -> None:
    ids = torch.from_numpy(vectors["text_ids"])
    padded = torch.nn.functional.pad(ids, (0, 3), value=7)
    mask = torch.nn.functional.pad(torch.ones_like(ids), (0, 3))
    with torch.inference_mode():
        embedding = embed(network, padded, mask)
    np.testing.assert_allclose(embedding, vectors["text_embedding"], atol=1e-5)


def test_gme_frame_sizes_and_tokens(tmp_path: Path) -> None:
    scorer = GmeScorer(str(tiny_gme(tmp_path)), device="cpu", dtype="float32")
    cases = read("gme_resize.json")
    assert len(cases) > 3
    for case in cases:
        first = smart_resize(case["h"], case["w"], FIRST_PIXELS)
        assert list(first) == case["stage1_hw"]
        assert list(smart_resize(*first, SECOND_PIXELS)) == case["stage2_hw"]
        picture = np.zeros((*first, 3), np.uint8)
        grid = scorer.processor(images=[picture])["image_grid_thw"][0]
        assert list(grid) == case["grid_thw"]
        assert int(np.prod(grid)) // 4 == case["image_tokens"]


def test_clip_frame_sizes(tmp_path: Path) -> None:
    from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

    processor = load_part(CLIPImageProcessorPil, tiny_clip(tmp_path))
    for case in read("clip_resize.json"):
        picture = np.zeros((case["h"], case["w"], 3), np.uint8)
        resized = processor(images=[picture], do_center_crop=False)["pixel_values"][0]
        assert list(resized.shape[1:]) == case["resized_hw"]
        assert processor(images=[picture])["pixel_values"][0].shape == (3, 224, 224)
