"""Which files of a listing are taken."""

from __future__ import annotations

import pytest

from fake_hub import LAYOUTS
from tpige_kedro.weights.wanted import implied, takes, unmatched, wanted

MODEL = ["config.json", "model.safetensors", "pytorch_model.bin", "model.fp16.safetensors"]


@pytest.mark.parametrize(
    ("names", "patterns", "expected"),
    [
        (MODEL, ["*"], ["config.json", "model.safetensors"]),
        (MODEL, ["*.bin"], ["pytorch_model.bin"]),
        (MODEL, ["model.fp16.safetensors"], ["model.fp16.safetensors"]),
        (["u/m.fp16.safetensors", "u/m.fp16.bin"], ["u/*"], ["u/m.fp16.safetensors"]),
        (["u/m.safetensors", "v/m.bin"], ["*"], ["u/m.safetensors", "v/m.bin"]),
        (["a.onnx", "a.onnx_data", "a.msgpack", "a.h5", "README.md", "a.py"], ["*"], []),
        (["README.md"], ["README.md"], ["README.md"]),
        (["m.fp16-00001-of-00002.safetensors", "m-00001-of-00003.safetensors"], ["*"], ["m-00001-of-00003.safetensors"]),
        (["m.safetensors.index.fp16.json", "m.safetensors.index.json"], ["*.json"], ["m.safetensors.index.json"]),
        (["m.safetensors.index.json", "m-00001-of-00001.safetensors", "n-00001-of-00001.safetensors"],
         ["m.safetensors.index.json"], ["m-00001-of-00001.safetensors", "m.safetensors.index.json"]),
        (["merges.txt"], ["*.txt|", "*.jinja|"], ["merges.txt"]),
        (["b.bin"], ["a.safetensors|b.bin|c.pt"], ["b.bin"]),
        (["a.safetensors", "b.bin"], ["a.safetensors|b.bin"], ["a.safetensors"]),
        ([], ["*"], []),
    ],
)  # fmt: skip
def test_what_is_taken(names: list[str], patterns: list[str], expected: list[str]) -> None:
    assert wanted(names, patterns) == sorted(expected)


def test_patterns_that_nothing_fits() -> None:
    assert unmatched(MODEL, ["*.json", "*.txt", "*.jinja|", "a|b", "*.bin|x"]) == [
        "*.txt",
        "a or b",
    ]
    assert unmatched([], []) == []


def test_what_would_be_taken() -> None:
    assert takes("vae/config.json", ["vae/*"]) and takes("b", ["a|b"]) and takes("x", [])
    assert not takes("", ["*.txt|"]) and not takes("vae/config.json", ["transformer/*"])


def test_shards_say_how_many_they_are() -> None:
    layout = LAYOUTS["Wan-AI/Wan2.1-VACE-14B-diffusers"]
    whole = {n for n in layout if n.startswith("transformer/diff")}
    assert implied(["transformer/diffusion_pytorch_model-00003-of-00008.safetensors"]) == whole
    assert implied(["model.safetensors", "config.json"]) == set()


@pytest.mark.parametrize("repo", LAYOUTS)
def test_of_published_repositories_no_weight_is_taken_twice(repo: str) -> None:
    taken = wanted(LAYOUTS[repo], ["*"])
    assert taken
    assert not [n for n in taken if n.endswith((".md", ".h5", ".msgpack", ".png", ".py"))]
