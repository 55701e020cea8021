"""Readers of faces and writers of captions: what they are asked, and what is made of their answers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from PIL import Image

from makers.pinning import Checkpoints, Pin
from makers.summaries import decoded, of_picture, of_weights, photo
from tpige_kedro.mini.reader import MiniFaceReader
from tpige_kedro.models import local_path
from tpige_kedro.vision_language.chat import Question
from tpige_kedro.vision_language.forms import CAPTION, FACE
from tpige_kedro.vision_language.openai_compatible import OpenAICompatible
from tpige_kedro.vision_language.transformers_vlm import TransformersVlm
from vision_language.chat_server import FACE as SEEN
from vision_language.chat_server import ChatServer, serving
from vision_language.tiny_qwen import save_tiny_qwen

PICTURE = Image.fromarray(photo(1)[:, :60])
PROMPT = "A king walks in the rain."


def test_mini_face_reader(pin: Pin) -> None:
    folder = str(local_path("data/06_models/mini/face_reader"))
    reader = MiniFaceReader(folder, device="cpu")
    result: dict[str, Any] = of_weights(folder)
    for person in range(1, 9):
        pixels = photo(person, side=160)[:, 20:] if person % 2 else photo(person)
        read = reader.read_face(Image.fromarray(pixels)).to_dict()
        seen = {name: value for name, value in read.items() if value and name != "traits"}
        seen |= {trait["text"]: trait for trait in read["traits"]}
        result[f"person {person}"] = {
            "exact": {name: value["text"] for name, value in seen.items()},
            "coarse": {name: value["confidence"] for name, value in seen.items()},
        }
    pin(MiniFaceReader, result)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[ChatServer]:
    monkeypatch.setenv("NO_PROXY", "*")
    with serving() as state:
        yield state


def question_sent(body: dict[str, Any]) -> dict[str, Any]:
    """A request without the instruction, which has a version of its own, and with what its picture shows."""
    *_, asked = body["messages"]
    parts = [part["text"] for part in asked["content"] if part["type"] == "text"]
    fixed = {key: value for key, value in body.items() if key != "messages"}
    return {"exact": {**fixed, "roles": [m["role"] for m in body["messages"]], "texts": parts}}


def test_openai_compatible(pin: Pin, server: ChatServer) -> None:
    model = OpenAICompatible(model="test-model", base_url=server.url, key_variable=None)
    face = model.read_face(Image.fromarray(photo(1, side=960)[:, 120:])).to_dict()
    caption = model.rewrite_prompt(PROMPT, PICTURE, "Say who it is.")
    text = model.rewrite_prompt(PROMPT, None, "Say it in other words.")
    for_face, for_caption, for_text = (asked.body for asked in server.asked)
    uploaded = for_face["messages"][1]["content"][-1]["image_url"]["url"]
    pin(
        OpenAICompatible,
        {
            "face": {"exact": face},
            "captions": {"exact": [caption, text]},
            "asked for a face": question_sent(for_face),
            "asked for a caption": question_sent(for_caption),
            "asked for a text": question_sent(for_text),
            "picture that is sent": of_picture(decoded(uploaded)),
        },
    )


def test_transformers_vlm(
    pin: Pin, checkpoints: Checkpoints, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The words of a tiny random model mean nothing, so it is given some; the rest is its own."""
    import json

    folder = checkpoints("qwen_vl", save_tiny_qwen)
    model = TransformersVlm(folder, dtype="float32", device="cpu", max_tokens=2000, max_side=56)
    answers = [json.dumps(SEEN), "A king, an old man, walks in the rain."]
    asked: list[Any] = []

    def generate(**inputs: Any) -> torch.Tensor:
        asked.append(inputs)
        said = f"{answers[len(asked) - 1]}<|im_end|>"
        ids = model.processor.tokenizer(said, return_tensors="pt")["input_ids"]
        return torch.cat([inputs["input_ids"], ids], 1)

    monkeypatch.setattr(model.network, "generate", generate)
    face = model.read_face(PICTURE).to_dict()
    caption = model.rewrite_prompt(PROMPT, PICTURE, "Say who it is.")
    result: dict[str, Any] = {"face": {"exact": face}, "caption": {"exact": caption}}
    for form in (FACE, CAPTION):
        inputs = model._inputs(Question("Say what you see.", PROMPT, PICTURE, form))
        with torch.inference_mode():
            logits = model.network(**inputs).logits[0, -1]
        result[f"form {form.name}"] = {
            "exact": {"told": model.processor.decode(inputs["input_ids"][0])},
            "close": {
                "picture": float(inputs["pixel_values"].std()),
                "logits": logits[::16].tolist(),
            },
        }
    pin(TransformersVlm, result)
