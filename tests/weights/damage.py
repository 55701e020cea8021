"""Ways in which a download can be incomplete or wrong, done to one file of weights, or to its shards."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\nsize 9\n"


def rewrite(file: Path, change: Callable[[dict[str, torch.Tensor]], None]) -> None:
    """Change the tensors of a file of either kind; its metadata stay."""
    if file.suffix != ".safetensors":
        tensors = torch.load(file, weights_only=True)
        change(tensors)
        torch.save(tensors, file)
        return
    with safe_open(file, "pt") as opened:
        metadata = opened.metadata()
    tensors = {name: tensor.clone() for name, tensor in load_file(file).items()}
    change(tensors)
    file.unlink()  # the old one may be mapped
    save_file(tensors, file, metadata)


def heaviest(tensors: dict[str, torch.Tensor]) -> str:
    """A tensor that no library ties, ignores or makes up: the largest matrix of a layer."""
    layered = [name for name in tensors if any(part.isdigit() for part in name.split("."))]
    return max(layered or tensors, key=lambda name: tensors[name].numel())


def lacks_a_tensor(file: Path) -> None:
    def shorter(tensors: dict[str, torch.Tensor]) -> None:
        del tensors[heaviest(tensors)]

    rewrite(file, shorter)


def has_another_shape(file: Path) -> None:
    def longer(tensors: dict[str, torch.Tensor]) -> None:
        name = heaviest(tensors)
        tensors[name] = torch.cat([tensors[name], tensors[name][:1]])

    rewrite(file, longer)


def has_a_foreign_tensor(file: Path) -> None:
    rewrite(file, lambda tensors: tensors.update({"foreign.3.weight": torch.ones(2)}))


def is_quantised(file: Path) -> None:
    """Whole numbers in place of fractions, as quantised copies have them."""

    def rounded(tensors: dict[str, torch.Tensor]) -> None:
        name = heaviest(tensors)
        tensors[name] = (tensors[name].float() * 100).to(torch.int8)

    rewrite(file, rounded)


def is_renamed(file: Path) -> None:
    """Half of the tensors under a prefix, which no rule explains."""

    def prefixed(tensors: dict[str, torch.Tensor]) -> None:
        for name in list(tensors)[::2]:
            tensors[f"module.{name}"] = tensors.pop(name)

    rewrite(file, prefixed)


def ends_early(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-40])


def is_half_there(file: Path) -> None:
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def has_half_a_header(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:60])


def is_empty(file: Path) -> None:
    file.write_bytes(b"")


def is_a_pointer(file: Path) -> None:
    """What a clone without git-lfs has in place of the file."""
    file.write_text(POINTER)


def is_gone(file: Path) -> None:
    file.unlink()


TENSORS = (
    lacks_a_tensor, has_another_shape, has_a_foreign_tensor, is_renamed, is_quantised
)  # fmt: skip
BYTES = (ends_early, is_half_there, has_half_a_header, is_empty, is_a_pointer, is_gone)


def shard(file: Path) -> Path:
    """Split a safetensors file into two shards with an index, as large models are published; returns the index."""
    tensors = {name: tensor.clone() for name, tensor in load_file(file).items()}
    stem, places = file.name.removesuffix(".safetensors"), {}
    for number, names in enumerate((list(tensors)[::2], list(tensors)[1::2]), 1):
        name = f"{stem}-0000{number}-of-00002.safetensors"
        save_file({key: tensors[key] for key in names}, file.with_name(name), {"format": "pt"})
        places |= dict.fromkeys(names, name)
    index = file.with_name(f"{file.name}.index.json")
    index.write_text(json.dumps({"metadata": {"total_size": 1}, "weight_map": places}))
    file.unlink()
    return index


def join(folder: Path) -> Path:
    """Put published shards, if ``folder`` has any, into the one file that a small model is published in."""
    for index in folder.glob("*.safetensors.index.json"):
        tensors = {k: v.clone() for file in _shards(index) for k, v in load_file(file).items()}
        for file in [index, *_shards(index)]:
            file.unlink()
        save_file(tensors, folder / index.name.removesuffix(".index.json"), {"format": "pt"})
    return folder


def _shards(index: Path) -> list[Path]:
    return sorted(index.parent.glob("*-of-*.safetensors"))


def _change_index(index: Path, change: Callable[[dict[str, str]], None]) -> None:
    content = json.loads(index.read_text())
    change(content["weight_map"])
    index.write_text(json.dumps(content))


def a_shard_is_gone(index: Path) -> None:
    _shards(index)[1].unlink()


def a_shard_ends_early(index: Path) -> None:
    ends_early(_shards(index)[0])


def a_shard_lacks_a_tensor(index: Path) -> None:
    lacks_a_tensor(_shards(index)[0])


def a_shard_is_another_one(index: Path) -> None:
    first, second = _shards(index)
    content = first.read_bytes()
    second.unlink()
    second.write_bytes(content)


def the_index_knows_too_little(index: Path) -> None:
    def shorter(places: dict[str, str]) -> None:
        del places[next(iter(places))]

    _change_index(index, shorter)


def the_index_names_a_strange_shard(index: Path) -> None:
    _change_index(index, lambda places: places.update({next(iter(places)): "other.safetensors"}))


def the_index_is_cut(index: Path) -> None:
    index.write_text(index.read_text()[:80])


def the_index_is_of_something_else(index: Path) -> None:
    index.write_text(json.dumps(["weight_map"]))


def the_index_lists_nothing(index: Path) -> None:
    index.write_text(json.dumps({"metadata": {}}))


SHARDS = (
    a_shard_is_gone, a_shard_ends_early, a_shard_lacks_a_tensor, a_shard_is_another_one, the_index_knows_too_little,
    the_index_names_a_strange_shard, the_index_is_cut, the_index_is_of_something_else, the_index_lists_nothing,
)  # fmt: skip
