"""What the prompt stages need from a vision-language model.

A class declares its ``version``, raised whenever it asks or reads in another way. It may say three things more: that it
``follows_instructions`` (those of ``prompts/instructions``, which then belong to the fingerprint of its results), its ``concurrency``
(how many questions it answers at a time) and that it is a ``service`` (pictures leave this machine). A model that says nothing reads
faces its own way, one after another, here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Protocol

from tpige_kedro.prompts.attributes import FaceAttributes

if TYPE_CHECKING:
    from PIL.Image import Image


class VisionLanguageModel(Protocol):
    """Reads a face (mode ``attributes``) or revises a caption (mode ``rewrite``)."""

    version: ClassVar[int]

    def read_face(self, reference: Image) -> FaceAttributes:
        """The facial attributes seen in an RGB picture. Raises ``NoFaceError`` when there is no face."""
        ...

    def rewrite_prompt(self, prompt: str, reference: Image | None, instruction: str) -> str:
        """One text made of ``prompt`` as ``instruction`` says (paper sections 3.2 and 3.3; the second needs no picture).

        Raises:
            AnswerError: the answer cannot be used (refused, empty, malformed); worth a retry with feedback.
            ServiceError: no answer at all.
            NotImplementedError: this model can only read faces.
        """
        ...
