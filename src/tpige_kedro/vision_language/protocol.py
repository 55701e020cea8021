"""What the prompt stages ask of a vision-language model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from tpige_kedro.prompts.attributes import FaceAttributes

if TYPE_CHECKING:
    from PIL.Image import Image


class VisionLanguageModel(Protocol):
    """Reads a face (mode ``attributes``) or revises a caption (mode ``rewrite``)."""

    def read_face(self, reference: Image) -> FaceAttributes:
        """The facial attributes seen in an RGB picture. Raises ``NoFaceError`` when there is no face."""
        ...

    def rewrite_prompt(self, prompt: str, reference: Image, instruction: str) -> str:
        """One revised caption (paper section 3.2). Raises ``NotImplementedError`` where a model can only read faces."""
        ...
