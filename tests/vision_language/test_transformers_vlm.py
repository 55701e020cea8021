"""The local model on a tiny random checkpoint in the published layout: it says nonsense, through the same code."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from tiny_qwen import save_tiny_qwen

from project import Project, row
from tpige_kedro.errors import AnswerError, ModelError
from tpige_kedro.networks.devices import layer_places
from tpige_kedro.networks.fp8 import Fp8Linear
from tpige_kedro.prompts.checks import is_verbatim
from tpige_kedro.vision_language import usage
from tpige_kedro.vision_language.chat import Question
from tpige_kedro.vision_language.forms import CAPTION
from tpige_kedro.vision_language.transformers_vlm import LANGUAGE_LAYERS, TransformersVlm, shrink

NEEDS_GPU = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
RED, BLUE = (Image.new("RGB", (90, 60), colour) for colour in ("red", "blue"))


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_qwen(tmp_path_factory.mktemp("tiny_qwen"))


@pytest.fixture
def model(checkpoint: Path) -> TransformersVlm:
    return TransformersVlm(
        str(checkpoint), dtype="float32", device="cpu", max_tokens=6, max_side=56
    )


def spoken(model: TransformersVlm, monkeypatch: pytest.MonkeyPatch, text: str) -> list[Any]:
    """Let the network say ``text``: all but its choice of words stays what it is."""
    seen: list[Any] = []

    def generate(**inputs: Any) -> torch.Tensor:
        seen.append(inputs)
        said = model.processor.tokenizer(text + "<|im_end|>", return_tensors="pt")["input_ids"]
        return torch.cat([inputs["input_ids"], said], 1)

    monkeypatch.setattr(model.network, "generate", generate)
    return seen


def test_the_published_layout_is_what_is_loaded(checkpoint: Path) -> None:
    names = {file.name for file in checkpoint.iterdir()}
    assert {
        "config.json",
        "model.safetensors",
        "tokenizer.json",
        "chat_template.json",
        "preprocessor_config.json",
    } <= names
    config = json.loads((checkpoint / "config.json").read_text())
    assert config["architectures"] == ["Qwen2_5_VLForConditionalGeneration"]


def test_it_looks_at_the_picture_and_repeats_itself(
    model: TransformersVlm, monkeypatch: pytest.MonkeyPatch
) -> None:
    question = Question("Say what you see.", "A man walks.", RED, CAPTION)
    inputs = model._inputs(question)
    patches = int(inputs["image_grid_thw"].prod())
    assert (inputs["input_ids"] == model.processor.image_token_id).sum() == patches / 4
    other = model._inputs(Question("Say what you see.", "A man walks.", BLUE, CAPTION))
    with torch.inference_mode():
        a, b, again = (model.network(**i).logits[0, -1] for i in (inputs, other, inputs))
    assert torch.equal(a, again) and not torch.allclose(a, b)


def test_nonsense_is_an_answer_that_cannot_be_used(model: TransformersVlm) -> None:
    with usage.metered() as cost, pytest.raises(AnswerError):
        model.read_face(RED)
    assert cost.requests == 3 and cost.output_tokens <= 18 and cost.input_tokens > 100


def test_a_caption_in_words_or_in_the_form(
    model: TransformersVlm, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = "A man, an old man, walks."
    for text in (said, json.dumps({"caption": said}), f'```json\n{{"caption": "{said}"}}\n```'):
        (seen, *_) = [spoken(model, monkeypatch, text)]
        model.max_tokens = 200
        assert model.rewrite_prompt("A man walks.", RED, "Rewrite.") == said
        told = model.processor.decode(seen[0]["input_ids"][0])
        assert "Rewrite." in told and "A man walks." in told and "JSON schema" in told


def test_an_answer_that_is_cut_off_says_so(
    model: TransformersVlm, monkeypatch: pytest.MonkeyPatch
) -> None:
    spoken(model, monkeypatch, "abcde")
    monkeypatch.setattr(model, "_ends", lambda: {-1})
    with pytest.raises(AnswerError, match="cut off"):
        model.rewrite_prompt("A man walks.", RED, "Rewrite.")


def test_what_does_not_fit_the_gpu_waits_in_host_memory(model: TransformersVlm) -> None:
    network = model.network
    gib = sum(p.numel() * p.element_size() for p in network.parameters()) / 2**30
    assert set(layer_places(network, 0, 2 * gib).values()) == {0}
    places = layer_places(network, 0, 0.9 * gib)
    assert places["model.visual"] == 0 and places["lm_head"] == "cpu"
    with pytest.raises(ModelError, match="gpu_gib: no layer fits into"):
        layer_places(network, 0, gib / 1000)


@pytest.mark.parametrize("device", ["cpu", pytest.param("cuda", marks=NEEDS_GPU)])
def test_a_limit_on_the_gpu_changes_no_answer(
    checkpoint: Path, model: TransformersVlm, device: str
) -> None:
    gib = sum(p.numel() * p.element_size() for p in model.network.parameters()) / 2**30
    limited = TransformersVlm(
        str(checkpoint), dtype="float32", device=device, max_side=56, gpu_gib=0.9 * gib
    )
    question = Question("Say what you see.", "A man walks.", RED, CAPTION)
    with torch.inference_mode():
        a, b = (m.network(**m._inputs(question)).logits[0, -1].cpu() for m in (model, limited))
    assert torch.allclose(a, b, atol=1e-4)


def test_eight_bits_shrink_the_language_layers_and_nearly_keep_the_logits(
    checkpoint: Path, model: TransformersVlm
) -> None:
    small = TransformersVlm(str(checkpoint), dtype="float32", max_side=56, quantisation="fp8")
    shrunk = {n for n, m in small.network.named_modules() if isinstance(m, Fp8Linear)}
    linear = {n for n, m in model.network.named_modules() if isinstance(m, torch.nn.Linear)}
    assert shrunk == {n for n in linear if n.startswith(LANGUAGE_LAYERS)} and shrunk < linear
    question = Question("Say what you see.", "A man walks.", RED, CAPTION)
    with torch.inference_mode():
        a, b = (m.network(**m._inputs(question)).logits[0, -1] for m in (model, small))
    assert 0 < (a - b).norm() / a.norm() < 0.1


def test_eight_bits_are_refused_where_they_would_do_nothing(checkpoint: Path) -> None:
    with pytest.raises(ModelError, match="quantisation: fp8 does not work with gpu_gib"):
        TransformersVlm(str(checkpoint), dtype="float32", gpu_gib=1, quantisation="fp8")
    with pytest.raises(ModelError, match="Linear has no linear layers under"):
        shrink(torch.nn.Linear(2, 2), torch.device("cpu"))


def test_a_missing_model_says_what_to_set(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"models\.<name>\.source"):
        TransformersVlm(str(tmp_path))


def test_the_stage_runs_end_to_end_and_falls_back(project: Project, checkpoint: Path) -> None:
    project.write_samples([row(1, prompt="A man reads.")])
    options = {"dtype": "float32", "device": "cpu", "max_tokens": 6, "max_side": 56}
    reader = {
        "type": "tpige_kedro.vision_language.transformers_vlm.TransformersVlm",
        "licence": "none",
        "source": str(checkpoint),
        "options": options,
    }
    project.configure(
        models={"reader": reader},
        prompt_enhancement={"reader": "reader", "mode": "rewrite"},
        execution={"max_failures": 2},
    )
    project.run("prompt_enhancement")
    (outcome,) = project.table("05_model_input/enhanced_prompts.parquet").to_dict("records")
    assert outcome["source"] == "none" and is_verbatim("A man reads.", outcome["enhanced_prompt"])
    assert "asked 3 times" in outcome["note"]
    file = next(project.data.glob("04_feature/rewritten_prompts/s*.json"))
    record = json.loads(file.read_text())
    assert record["usage"]["requests"] == 3 and len(record["maker"]["revision"]) == 64
    assert record["instruction"]["name"] == "rewrite_caption"
