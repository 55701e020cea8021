from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

from tiny_text_models import tiny_clip, tiny_gme
from tpige_kedro.errors import ModelError
from tpige_kedro.metrics.clip_score import ClipScorer, clip_score
from tpige_kedro.metrics.frame_sampling import distinct_indices
from tpige_kedro.metrics.gme_score import IMAGE_INSTRUCTION, GmeScorer, chat, gme_score
from tpige_kedro.metrics.protocol import Missing, ScoredClip
from tpige_kedro.models import load_model
from tpige_kedro.schemas import ModelSpec

WEIGHTS = Path(os.environ.get("TPIGE_WEIGHTS", "/nonexistent"))


def clip(count: int = 3, prompt: str = "A man reads.", **changes: Any) -> ScoredClip:
    frames = np.random.default_rng(0).integers(0, 256, (count, 60, 100, 3), np.uint8)
    return ScoredClip(frames, 8, Image.new("RGB", (8, 8)), prompt, **changes)


@pytest.fixture(scope="module")
def gme_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_gme(tmp_path_factory.mktemp("gme"))


@pytest.fixture(scope="module")
def clip_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_clip(tmp_path_factory.mktemp("clip"))


@pytest.fixture(scope="module")
def gme(gme_folder: Path) -> GmeScorer:
    return GmeScorer(str(gme_folder), device="cpu", dtype="float32")


@pytest.fixture(scope="module")
def clip_b16(clip_folder: Path) -> ClipScorer:
    return ClipScorer(str(clip_folder), device="cpu")


# --- arithmetic


def unit(*shape: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.nn.functional.normalize(torch.rand(shape, generator=generator), dim=-1)


def test_gme_score_is_the_mean_cosine_in_the_precision_of_the_embeddings() -> None:
    text, frames = unit(64), unit(5, 64)
    assert gme_score(text, frames) == pytest.approx(float((frames @ text).mean()), abs=1e-6)
    one = gme_score(text.half(), frames[1:2].half())
    assert 0.5 < one < 1 and (one * 2048).is_integer()


def test_clip_score_is_the_plain_cosine_whatever_the_lengths_and_the_sign() -> None:
    text, frames = unit(8), unit(4, 8)
    expected = float((frames @ text).mean())
    assert clip_score(3 * text, 0.1 * frames) == pytest.approx(expected, abs=1e-6)
    assert clip_score(-text, frames) == pytest.approx(-expected, abs=1e-6)


# --- what the scorers do


def test_both_prompts_are_scored_against_the_same_frames(gme: Any, clip_b16: Any) -> None:
    for scorer, names in ((gme, ("gme_score",)), (clip_b16, ("clip_score", "clip_truncated"))):
        both = scorer.score(clip(enhanced_prompt="An elderly man with red hair reads."))
        assert set(both) == {metric.name for metric in scorer.metrics}
        alone = scorer.score(clip(prompt="An elderly man with red hair reads."))
        for name in names:
            assert both[f"{name}_enhanced"] == alone[name]
            assert alone[f"{name}_enhanced"] == Missing("no enhanced prompt")
        assert both[names[0]] != alone[names[0]] and -1 <= both[names[0]] <= 1


def test_nothing_to_score_is_said(gme: Any, clip_b16: Any) -> None:
    for scorer in (gme, clip_b16):
        assert set(scorer.score(clip(0)).values()) == {Missing("no frame could be read")}
        values = scorer.score(clip(prompt="  ", enhanced_prompt=""))
        assert set(values.values()) == {Missing("the prompt is empty")}


@pytest.mark.parametrize(("count", "used"), [(1, 1), (8, 8), (40, 16)])
def test_gme_looks_at_16_frames_in_any_batches(
    gme: Any, gme_folder: Path, count: int, used: int
) -> None:
    frames = clip(count).frames[distinct_indices(count, 16)]
    assert len(frames) == used
    one_by_one = torch.cat([gme.embed_frames(frame[None]) for frame in frames])
    torch.testing.assert_close(gme.embed_frames(frames), one_by_one, atol=2e-6, rtol=0)
    expected = gme_score(gme.embed_text("A man reads.")[0], one_by_one)
    assert gme.score(clip(count))["gme_score"] == pytest.approx(expected, abs=1e-5)


def test_clip_looks_at_32_frames_in_any_batches(clip_b16: Any, clip_folder: Path) -> None:
    other = ClipScorer(str(clip_folder), device="cpu", batch_size=5)
    whole = clip(40)
    some = clip_b16.embed_frames(whole.frames[distinct_indices(40, 32)])
    expected = clip_score(clip_b16.embed_text("A man reads.")[0], some)
    for scorer in (clip_b16, other):
        assert scorer.score(whole)["clip_score"] == pytest.approx(expected, abs=1e-6)


def test_the_conversation_survives_the_tokenizer_with_its_marks_as_single_tokens(gme: Any) -> None:
    text = chat(IMAGE_INSTRUCTION, image_tokens=6)
    ids, mask = gme.tokens(text)
    letters = [gme.tokenizer.convert_ids_to_tokens(int(i)) for i in ids[0]]
    assert letters.count("<|image_pad|>") == 6 and letters[-1] == "<|endoftext|>"
    assert letters[0] == "<|im_start|>" and gme.tokenizer.decode(ids[0]) == text
    assert mask.all() and gme.network.config.image_token_id in ids
    assert gme.tokens("a" * 3000)[0].shape == (1, 1800)


def test_frames_are_resized_as_pictures_not_as_tensors(gme: Any, monkeypatch: Any) -> None:
    """A frame of 60x100 becomes 56x112, then 336x644 (at least 200704 pixels), both times by PIL."""
    seen = {}
    processor = gme.processor

    def spy(**arguments: Any) -> Any:
        seen["pixels"] = processor(**arguments)["pixel_values"]
        return processor(**arguments)

    monkeypatch.setattr(gme, "processor", spy)
    frame = clip(1).frames
    gme.embed_frames(frame)
    first = Image.fromarray(frame[0]).resize((112, 56), Image.Resampling.BICUBIC)
    picture = np.asarray(first.resize((644, 336), Image.Resampling.BICUBIC), np.float32) / 255
    mean, std = processor.image_mean, processor.image_std
    corner = ((picture - mean) / std)[:14, :14].transpose(2, 0, 1)
    patch = seen["pixels"][0].reshape(3, 2, 14, 14)
    np.testing.assert_allclose(patch[:, 0], corner, atol=1e-5)
    assert torch.equal(patch[:, 0], patch[:, 1])


def test_a_prompt_beyond_77_tokens_is_cut_and_said_so(clip_b16: Any, caplog: Any) -> None:
    fits, longer = "x " * 75, "x " * 76  # with the tokens of begin and end 77 and 78
    frames = clip_b16.embed_frames(clip().frames)
    with caplog.at_level(logging.WARNING):
        assert [clip_b16.against(text, frames)[1] for text in (fits, longer)] == [0.0, 1.0]
    assert not caplog.records
    torch.testing.assert_close(clip_b16.embed_text(longer), clip_b16.embed_text(fits + "y z"))
    assert clip_b16.score(clip(prompt=longer))["clip_truncated"] == 1.0


def test_the_text_embedding_of_clip_is_that_of_its_last_token(clip_b16: Any) -> None:
    """The published configuration names a wrong end token; the right one has the largest id."""
    ids = clip_b16.tokenizer("A man reads.", return_tensors="pt")["input_ids"]
    assert ids[0, -1] == ids.max() == 513 and ids[0, 0] == 512
    with torch.inference_mode():
        hidden = clip_b16.network.text_model(ids).last_hidden_state[:, -1]
        expected = clip_b16.network.text_projection(hidden)
    torch.testing.assert_close(clip_b16.embed_text("A man reads."), expected)


# --- loading


def test_the_scorers_load_from_a_model_entry_and_never_run_remote_code(gme_folder: Path) -> None:
    entry = ModelSpec(
        type="tpige_kedro.metrics.gme_score.GmeScorer",
        licence="Apache-2.0",
        source=str(gme_folder),
        options={"device": "cpu", "dtype": "bfloat16", "batch_size": 2},
    )
    scorer = load_model(entry)
    assert scorer.network.dtype == torch.bfloat16
    assert isinstance(scorer.score(clip())["gme_score"], float)
    assert "modeling_gme_qwen2vl" in (gme_folder / "config.json").read_text()  # it would raise


@pytest.mark.parametrize("scorer", [GmeScorer, ClipScorer])
def test_a_missing_folder_or_unreachable_hub_id_says_what_to_set(
    scorer: Any, tmp_path: Path
) -> None:
    with pytest.raises(ModelError, match="nobody/nothing"):
        scorer("nobody/nothing")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ModelError, match=r"empty.*models\.<name>\.source"):
        scorer(str(tmp_path / "empty"))
    name = f"{scorer.__module__}.{scorer.__name__}"
    with pytest.raises(ModelError, match=r"data/06_models/gone.*models\.<name>\.source"):
        load_model(ModelSpec(type=name, licence="x", source="data/06_models/gone"))


@pytest.mark.parametrize(
    ("make", "scorer", "key"),
    [
        (tiny_gme, GmeScorer, "visual.merger.ln_q.weight"),
        (tiny_gme, GmeScorer, "model.norm.weight"),
        (tiny_clip, ClipScorer, "text_projection.weight"),
    ],
)
def test_a_missing_or_misshapen_weight_is_an_error(
    make: Any, scorer: Any, key: str, tmp_path: Path
) -> None:
    folder = make(tmp_path)
    weights = load_file(folder / "model.safetensors")
    shorter = {**weights, key: weights[key][:-1].clone()}
    for damaged in (shorter, {k: v for k, v in weights.items() if k != key}):
        save_file(damaged, folder / "model.safetensors", {"format": "pt"})
        problem = (
            rf"model.safetensors does not hold a complete .*1 tensor is .*{key.split('.')[-2]}"
        )
        with pytest.raises(ModelError, match=problem):
            scorer(str(folder), device="cpu")


def test_a_tokenizer_in_one_file_does_as_well(gme: Any, tmp_path: Path) -> None:
    folder = tiny_gme(tmp_path)
    gme.tokenizer.save_pretrained(folder)
    (folder / "vocab.json").unlink()
    (folder / "merges.txt").unlink()
    scorer = GmeScorer(str(folder), device="cpu", dtype="float32")
    text = chat(IMAGE_INSTRUCTION, "Ä man.", 4)
    assert torch.equal(scorer.tokens(text)[0], gme.tokens(text)[0])
    assert scorer.score(clip()) == gme.score(clip())


@pytest.mark.parametrize(("make", "scorer"), [(tiny_gme, GmeScorer), (tiny_clip, ClipScorer)])
def test_a_tokenizer_without_its_files_is_an_error(make: Any, scorer: Any, tmp_path: Path) -> None:
    folder = make(tmp_path)
    for name in ("merges.txt", "vocab.json"):
        (folder / name).unlink()
        with pytest.raises(ModelError, match="Tokenizer cannot be loaded"):
            scorer(str(folder), device="cpu")


def pickled(folder: Path, **more: Any) -> Path:
    """A folder of CLIP as published: a torch file, with the positions that old versions of transformers saved."""
    weights: dict[str, Any] = dict(load_file(folder / "model.safetensors"))
    positions = {
        f"{side}_model.embeddings.position_ids": torch.arange(count)[None]
        for side, count in (("text", 77), ("vision", 197))
    }
    (folder / "model.safetensors").unlink()
    torch.save({**weights, **positions, **more}, folder / "pytorch_model.bin")
    return folder


def test_clip_loads_from_the_torch_file_that_is_published(clip_b16: Any, tmp_path: Path) -> None:
    scorer = ClipScorer(str(pickled(tiny_clip(tmp_path))), device="cpu")
    wanted = clip_b16.score(clip())["clip_score"]
    assert scorer.score(clip())["clip_score"] == pytest.approx(wanted, abs=1e-6)


class Trap:
    """Would make a folder while being read."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (str(self.folder),)


def test_nothing_in_a_torch_file_is_run(tmp_path: Path) -> None:
    folder = pickled(tiny_clip(tmp_path / "clip"), trap=Trap(tmp_path / "made"))
    with pytest.raises(ModelError, match=r"pytorch_model\.bin cannot be read as plain tensors"):
        ClipScorer(str(folder), device="cpu")
    assert not (tmp_path / "made").exists()


def test_torch_files_are_refused_where_safetensors_are_published(tmp_path: Path) -> None:
    folder = tiny_gme(tmp_path)
    torch.save(load_file(folder / "model.safetensors"), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()
    with pytest.raises(ModelError, match=r"model\.safetensors.*no such file"):
        GmeScorer(str(folder), device="cpu")


# --- the published weights, where they are


def published(name: str) -> Path:
    """A file or folder below ``$TPIGE_WEIGHTS``; the test is skipped without it."""
    if not (WEIGHTS / name).exists():
        pytest.skip(f"weights absent: $TPIGE_WEIGHTS/{name}")
    return WEIGHTS / name


def test_the_similarities_on_the_model_card_of_gme() -> None:
    """Two texts and the two photos of the card, saved as ``gme_card_1.jpg`` and ``gme_card_2.jpg`` beside the weights."""
    scorer = GmeScorer(str(published("gme-Qwen2-VL-2B-Instruct")))
    photos = [Image.open(published(f"gme_card_{i}.jpg")).convert("RGB") for i in (1, 2)]
    texts = (
        "What kind of car is this?",
        "The Tesla Cybertruck is a battery electric pickup truck built by Tesla, Inc. since 2023.",
    )
    images = [scorer.embed_frames(np.asarray(photo)[None]) for photo in photos]
    for instruction, expected in (
        (IMAGE_INSTRUCTION, (0.2281, 0.6001)),
        ("Find an image that matches the given text.", (0.2433, 0.7051)),
    ):
        found = [
            gme_score(scorer.embed_text(text, instruction)[0], image)
            for text, image in zip(texts, images, strict=True)
        ]
        assert found == pytest.approx(expected, abs=2e-3)  # half precision differs by processor


def test_the_published_clip_tells_colours_apart() -> None:
    scorer = ClipScorer(str(published("clip-vit-base-patch16")))
    frames = scorer.embed_frames(np.full((1, 64, 64, 3), (200, 0, 0), np.uint8))
    red, blue = (
        clip_score(scorer.embed_text(f"a plain {colour} picture")[0], frames)
        for colour in ("red", "blue")
    )
    assert 0.2 < red < 0.4 and red > blue + 0.01
