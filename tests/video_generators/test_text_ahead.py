"""A text encoder that is freed after each call is loaded for many calls to come."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import torch

from tpige_kedro.video_generators.wan_encoding import TextEncoder


def test_prompts_of_calls_to_come_are_embedded_with_the_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    loads: list[int] = []
    embedded: list[str] = []

    def load() -> Any:
        loads.append(1)
        return SimpleNamespace(to=lambda device: None)

    def embed(self: TextEncoder, encoder: Any, prompt: str) -> torch.Tensor:
        embedded.append(prompt)
        return torch.full((1, 1, 2), float(len(prompt)))

    monkeypatch.setattr(TextEncoder, "_embed", embed)
    tokenizer: Any = lambda prompt: SimpleNamespace(input_ids=[1])  # noqa: E731
    text = TextEncoder(load, tokenizer, 4, torch.device("cpu"), "free")
    text.prepare(["no", "a"], ahead=["bb", "ccc", "a"])
    text.prepare(["no", "bb"], ahead=["ccc"])
    assert len(loads) == 1 and embedded == ["no", "a", "bb", "ccc"]
    assert text["bb"][0, 0, 0] == 2
    with pytest.raises(KeyError):  # nobody will ask for it any more
        text["a"]
    text.prepare(["no", "ccc"], ahead=["dddd"])
    assert len(loads) == 1, "dddd alone is no reason to load it"
    text.prepare(["no", "dddd"])
    assert len(loads) == 2
