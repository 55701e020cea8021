"""Reads the attributes of a drawn face from its portrait (the role of GPT-4o in prompt enhancement)."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import torch
from torch import Tensor

from tpige_kedro.errors import NoFaceError
from tpige_kedro.mini.networks.attribute_reader import HEAD_MARGIN, HEAD_SIDE, AttributeReader
from tpige_kedro.mini.networks.checkpoint import load_network
from tpige_kedro.mini.networks.face_locator import FaceLocator, crop_heads
from tpige_kedro.mini.pictures import picture_to_images
from tpige_kedro.mini.world.captions import attributes_of
from tpige_kedro.mini.world.vocabulary import BALD
from tpige_kedro.networks.devices import pick_device
from tpige_kedro.option_types import Device
from tpige_kedro.prompts.attributes import Attribute, FaceAttributes

if TYPE_CHECKING:
    from PIL.Image import Image


class MiniFaceReader:
    """Face attributes in the words of the mini world's captions, each with the network's probability as its confidence.

    ``source`` holds ``locator`` and ``attributes``. ``revision`` is accepted for hub models and not used.
    """

    version: ClassVar[int] = 1  # raise it when the same picture gives other texts

    def __init__(
        self, source: str, revision: str | None = None, device: Device | None = None
    ) -> None:
        self.device = pick_device(device)
        self.locator = load_network(FaceLocator, Path(source) / "locator", self.device)
        self.attributes = load_network(AttributeReader, Path(source) / "attributes", self.device)

    @torch.inference_mode()
    def read_face(self, reference: Image) -> FaceAttributes:
        """The attributes of the face in a picture of any size; the middle square is looked at.

        Raises:
            NoFaceError: no face is visible.
        """
        image = picture_to_images(reference, self.device)
        heads = self.locator(image)
        if heads.visible[0] <= 0:
            raise NoFaceError(
                "no face is visible in the picture to this model, which knows drawn people only; use a portrait with an uncovered face "
                "in its middle, and for a photo an environment with real models"
            )
        return describe(self.attributes(crop_heads(image, heads, HEAD_SIDE, HEAD_MARGIN)))

    def rewrite_prompt(self, prompt: str, reference: Image, instruction: str) -> str:
        """Not possible: this model reads faces only."""
        raise NotImplementedError(
            "MiniFaceReader reads faces and cannot rewrite prompts; set prompt_enhancement.mode to attributes "
            "or use another vision-language model"
        )


def describe(logits: dict[str, Tensor]) -> FaceAttributes:
    """Words and confidences from the logits (1, values) of each attribute: always the likeliest value."""
    likeliest = {name: values[0].softmax(-1).max(-1) for name, values in logits.items()}
    person = {name: int(best.indices) for name, best in likeliest.items()}
    sure = {name: round(float(best.values), 4) for name, best in likeliest.items()}
    words = attributes_of(person)
    hair = sure["hair_style"] * (1.0 if person["hair_style"] == BALD else sure["hair_colour"])
    confidence = {
        "age": sure["age"],
        "skin": sure["skin"],
        "gender": sure["gender"],
        "hair": round(hair, 4),
        "eyes": sure["eye_colour"],
        "facial_hair": sure["facial_hair"],
    }
    changes: dict[str, Any] = {
        name: replace(getattr(words, name), confidence=value)
        for name, value in confidence.items()
        if getattr(words, name) is not None
    }
    traits = tuple(
        Attribute(t.text, sure["freckles" if t.text == "freckles" else "glasses"])
        for t in words.traits
    )
    return replace(words, traits=traits, **changes)
