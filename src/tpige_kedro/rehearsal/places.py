"""Which published layout belongs to the places that a model names, and which of its files the model needs."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec

from tpige_kedro.rehearsal.files import File
from tpige_kedro.schemas import ModelSpec
from tpige_kedro.weights.parts import SOURCE, Part, parts_of
from tpige_kedro.weights.sources import local_path
from tpige_kedro.weights.wanted import wanted as wanted_of

SIZE = re.compile(r"(?<![\d.])(1[._]3b|14b)", re.IGNORECASE)
RANK = re.compile(r"rank_?(\d+)", re.IGNORECASE)
LISTED = re.compile(r"(\w+)\[(\d+)\]")  # an entry of an option that lists weights: loras[0]
DESCRIPTION = "model_index.json"
FACE_PACKAGES = ("insightface", "onnxruntime", "onnx")
PACKAGES = {  # besides those that the project cannot do without
    "PhotoJudge": FACE_PACKAGES,
    "PhotoFaceScorer": FACE_PACKAGES,
    "OpenAICompatible": ("openai", "httpx2"),
}


class UnknownLayoutError(Exception):
    """There is no layout for a place; the text says so."""


@dataclass
class Place:
    """A place as it is built: its files, by the option of a model that named it first; ``wanted`` are those that are needed."""

    name: str
    files: list[File]
    wanted: set[str] = field(default_factory=set)

    @property
    def folder(self) -> str:
        """The name of its folder in the scratch."""
        return re.sub(r"[^\w.-]+", "--", self.name.strip("/~"))


def class_name(spec: ModelSpec) -> str:
    """The last part of the type."""
    return spec.type.rpartition(".")[2]


def missing_packages(spec: ModelSpec) -> list[str]:
    """The packages that the model's class or its weights need and that are not installed."""
    return [name for name in PACKAGES.get(class_name(spec), ()) if find_spec(name) is None]


def ships(place: str) -> bool:
    """Whether the place is one of the mini checkpoints, which are used as they are."""
    path = local_path(place)
    return path.exists() and "mini" in path.parts


def places_of(name: str, spec: ModelSpec, tiny: bool) -> list[Place]:
    """The places of a model, with the files that it needs. Raises :class:`UnknownLayoutError`."""
    found = []
    for part in parts_of(spec):
        if not ships(part.place):
            files = layout_of(name, spec, part)(tiny)
            names = [file.name for file in files]
            wanted = set(needed(part.files, names))
            if not wanted - {DESCRIPTION}:
                wanted = set(names)  # a local folder may be laid out in another way
            found.append(Place(part.place, files, wanted))
    return found


def needed(patterns: Sequence[str], names: Iterable[str]) -> list[str]:
    """The names that match one of the patterns (all if there is none), and the shards of an index among them.

    ``a|b`` stands for either, as in :mod:`tpige_kedro.weights.wanted`.

    >>> needed(
    ...     ["a.safetensors.index.json"],
    ...     ["a.safetensors.index.json", "a-00001-of-00001.safetensors", "b.json"],
    ... )
    ['a-00001-of-00001.safetensors', 'a.safetensors.index.json']
    """
    if not patterns:
        return list(names)
    return wanted_of(names, [*patterns, f"{DESCRIPTION}|"])  # it says what the folder is


Layout = Callable[[bool], list[File]]


def layout_of(name: str, spec: ModelSpec, part: Part) -> Layout:
    """What is at a place, as a function of whether it is to be tiny. Raises :class:`UnknownLayoutError`."""
    from tpige_kedro.rehearsal.layouts import clip, flux, qwen, qwen_image, scorers

    known: Mapping[tuple[str, str], Layout] = {
        ("GmeScorer", SOURCE): qwen.gme,
        ("ClipScorer", SOURCE): clip.clip,
        ("PhotoMotionScorer", SOURCE): scorers.amt,
        ("PhotoImagingScorer", SOURCE): scorers.musiq,
        ("PhotoFaceScorer", SOURCE): scorers.face_folder,
        ("PhotoJudge", SOURCE): scorers.face_folder,
        ("AcePlus", SOURCE): flux.fill,
        ("AcePlus", "lora"): flux.lora,
        ("QwenImageEdit", SOURCE): qwen_image.edit,
    }
    kind = class_name(spec)
    if kind in {"WanVace", "VaceStill", "Phantom"}:
        return wan_layout(name, spec, part)
    if kind == "TransformersVlm" and "qwen2.5-vl-7b" in part.place.lower():
        return qwen.reader
    if (kind, part.option) not in known:
        raise UnknownLayoutError(
            f"models.{name}: no layout is known for {part.place} ({part.option})"
        )
    return known[kind, part.option]


def wan_layout(name: str, spec: ModelSpec, part: Part) -> Layout:
    """VACE, Phantom, or the base of one, in the size that the names say."""
    from tpige_kedro.rehearsal.layouts import wan

    weights = str(spec.options.get("weights") or "")
    place = spec.source if LISTED.fullmatch(part.option) else part.place  # a LoRA is of its model
    said = SIZE.search(f"{place} {weights} {name}")
    if said is None:
        raise UnknownLayoutError(
            f"models.{name}: {part.place} names no size that is known (1.3B, 14B)"
        )
    size = said[0].lower().replace("_", ".")
    layout = wan_files(class_name(spec), part, weights)

    def files(tiny: bool) -> list[File]:
        return layout((wan.TINY if tiny else wan.SIZES)[size])

    return files


def wan_files(kind: str, part: Part, weights: str) -> Callable[..., list[File]]:
    """The layout as a function of the size."""
    from tpige_kedro.rehearsal.layouts import wan

    if LISTED.fullmatch(part.option):
        file = part.files[0] if part.files else "lora.safetensors"
        told = RANK.search(file)
        return lambda size: wan.lora(size, file, int(told[1]) if told else 64)
    if kind != "Phantom" or part.option != SOURCE:
        return lambda size: wan.pipeline_folder(size, vace="vace" in part.place.lower())
    if weights.endswith((".pth", ".pt")):
        return lambda size: wan.phantom_small(size, weights)
    return wan.phantom_large
