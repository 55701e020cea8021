"""Conflicts between what a prompt says about its subject and what was read from the face.

The prompt's words stay as they are, so a conflict is settled by leaving the conflicting attribute out of the clause: "She waves"
gets "a person with red hair", never "a man with a mustache". The note says what was left out.
"""

from __future__ import annotations

from dataclasses import replace

from tpige_kedro.prompts import vocabulary as words
from tpige_kedro.prompts.ages import age_groups, age_of_subject, are_near, describe
from tpige_kedro.prompts.attributes import FaceAttributes
from tpige_kedro.prompts.checks import tokens
from tpige_kedro.prompts.subject import quoted_spans

COLOUR_REACH = (
    4  # words before "hair" among which its colour is looked for: "long straight red hair"
)


def gender_conflict(prompt: str, clause: str) -> str | None:
    """What the prompt's and the clause's words say of gender, if they contradict each other; else None.

    A prompt that speaks of both genders (several people) contradicts nothing.
    """
    return _contradiction(genders(prompt), genders(clause))


def hair_colour_conflict(prompt: str, clause: str) -> str | None:
    """The hair colours of prompt and clause (or baldness), if they contradict each other; else None."""
    return _contradiction(hair_colours(prompt), hair_colours(clause))


def age_conflict(prompt: str, clause: str) -> str | None:
    """The ages of the prompt's subject and of the clause, if they are more than a generation apart; else None.

    >>> age_conflict("An old fisherman repairs a net.", "a young man")
    'prompt: old; face: young'
    """
    said, read = age_of_subject(prompt), age_groups(clause)
    if not said or not read or are_near(said, read):
        return None
    return f"prompt: {describe(said)}; face: {describe(read)}"


def settle_conflicts(prompt: str, attributes: FaceAttributes) -> tuple[FaceAttributes, list[str]]:
    """``attributes`` without those that contradict ``prompt``, and a note for each that was left out.

    A gender in conflict takes the facial hair with it.
    """
    notes = []
    gender = attributes.gender.text if attributes.gender else ""
    hair = attributes.hair.text if attributes.hair else ""
    age = attributes.age.text if attributes.age else ""
    if found := gender_conflict(prompt, gender):
        attributes = replace(attributes, gender=None, facial_hair=None)
        notes.append(f"gender left out ({found})")
    if found := hair_colour_conflict(prompt, hair):
        attributes = replace(attributes, hair=None)
        notes.append(f"hair left out ({found})")
    if found := age_conflict(prompt, age):
        attributes = replace(attributes, age=None)
        notes.append(f"age left out ({found})")
    return attributes, notes


def _contradiction(prompt: set[str], face: set[str]) -> str | None:
    if not prompt or not face or prompt & face:
        return None
    return f"prompt: {', '.join(sorted(prompt))}; face: {', '.join(sorted(face))}"


def genders(text: str) -> set[str]:
    """``masculine``, ``feminine``, both or neither, by the words of ``text`` outside quotation marks."""
    found = set()
    for word in _plain_words(text):
        if word in words.MASCULINE:
            found.add("masculine")
        if word in words.FEMININE:
            found.add("feminine")
    return found


def hair_colours(text: str) -> set[str]:
    """The hair colours that ``text`` names, synonyms as one, and ``bald``."""
    said = _plain_words(text)
    found = set()
    for index, word in enumerate(said):
        parts = word.split("-")
        if word == "bald":
            found.add("bald")
        elif word in {"redhead", "redheaded", "red-headed"}:
            found.add("red")
        elif word in {"blonde", "brunette"}:
            found.add(words.SAME_COLOUR[word])
        elif parts[-1] in {"hair", "haired", *words.HAIR_SHAPES}:
            near = [*said[max(0, index - COLOUR_REACH) : index], *parts]
            found |= {
                words.SAME_COLOUR.get(c, c) for c in _last_phrase(near) if c in words.HAIR_COLOURS
            }
    return found


def _last_phrase(said: list[str]) -> list[str]:
    """The words behind the last boundary, so that "blue eyes and red hair" gives red only."""
    for index in range(len(said) - 1, -1, -1):
        if said[index] in words.BOUNDARIES | words.DETERMINERS | {"eyes", ","}:
            return said[index + 1 :]
    return said


def _plain_words(text: str) -> list[str]:
    """Lower-case words and marks outside quotation marks, possessives reduced to their noun."""
    for start, end in reversed(quoted_spans(text)):
        text = text[:start] + text[end:]
    return [token.lower().replace("’", "'").removesuffix("'s") for token in tokens(text)]
