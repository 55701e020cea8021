"""The tasks of the prompt stages as questions to a model that takes text and a picture and answers with text."""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tpige_kedro.errors import AnswerError
from tpige_kedro.prompts.attributes import FaceAttributes
from tpige_kedro.prompts.wording import in_tags, load_instruction
from tpige_kedro.vision_language.answers import caption_in
from tpige_kedro.vision_language.faces import Reading, read_form
from tpige_kedro.vision_language.forms import CAPTION, FACE, Form

if TYPE_CHECKING:
    from PIL.Image import Image

logger = logging.getLogger(__name__)

ANOTHER_READER = "this reader does not fill in the form; set another prompt_enhancement.reader"
READINGS = 3  # times that a face is asked for before its person fails


@dataclass(frozen=True)
class Question:
    """What a model is to do, the material it is to do it with, and the form of the answer."""

    instruction: str
    material: str
    picture: Image | None
    form: Form


class ChatModel(ABC):
    """Asks :meth:`answer` for faces and captions, and tells the model what was wrong with an answer."""

    follows_instructions = True

    @abstractmethod
    def answer(self, question: Question) -> str:
        """The model's answer as it is.

        Raises:
            AnswerError: the model refused, said nothing, or was cut off.
            ServiceError: no answer.
        """

    def read_face(self, reference: Image) -> FaceAttributes:
        """The attributes of the face; asked up to three times, each time with what was wrong.

        Attributes that are still not facial then are left out.

        Raises:
            NoFaceError: the model sees no face.
            AnswerError: no answer could be used.
            ServiceError: no answer at all.
        """
        instruction = load_instruction("read_face")
        complaints: tuple[str, ...] = ()
        best: Reading | None = None
        remedy = ""
        for _ in range(READINGS):
            try:
                told = instruction.told(complaints)
                best = read_form(self.answer(Question(told, "The photo.", reference, FACE)))
            except AnswerError as error:
                complaints, remedy = (str(error),), error.remedy
                continue
            if not best.problems:
                return best.attributes
            complaints = best.problems
        if best is None:
            raise AnswerError(
                f"{'; '.join(complaints)}; asked {READINGS} times; {remedy or ANOTHER_READER}",
                remedy,
            )
        logger.warning("left out of a face's description: %s", "; ".join(best.problems))
        return best.attributes

    def rewrite_prompt(self, prompt: str, reference: Image | None, instruction: str) -> str:
        """One text made of ``prompt``; the prompt goes between tags that its own words cannot close."""
        question = Question(instruction, in_tags(prompt), reference, CAPTION)
        return caption_in(self.answer(question), prompt)
