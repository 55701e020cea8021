"""The text T_ref by which an image editor redraws the reference picture (paper section 3.3), and its checks.

It names the person by role, with the attire and hair that the prompt speaks of, and the facial clause; nothing else. What hides a
face (mask, visor, sunglasses …) is left out, since the picture is to show the face.
"""

from __future__ import annotations

import re

from tpige_kedro.prompts import vocabulary as words
from tpige_kedro.prompts.checks import CheckFailure, is_word, tokens
from tpige_kedro.prompts.clause import with_article
from tpige_kedro.prompts.facial.additions import refused_beside
from tpige_kedro.prompts.facts import contradictions
from tpige_kedro.prompts.subject import find_subject

TEMPLATE = "A portrait photo of {role}, {clause}."
CUE = re.compile(
    r",?\s+(?:who\s+(?:is|was)\s+)?(wearing|dressed in|clad in|in|with)\s+([^,.;:!?\n\"“”]+)",
    re.IGNORECASE,
)
APPOSITION = re.compile(r",\s+((?:an?|the|his|her|my|our|their)\s+[\w'’ -]+?)\s*(?:,|$)")
JOINTS = frozenset({"and", "with", "of", "over", "a", "an", "the", "his", "her", "their"})
OPEN_REACH = (
    2  # words around an occluder among which "open", "raised", "without" … make it harmless
)
VERSION = 2  # raise it when the same input gives another text: tests/makers holds the present ones


def reference_prompt(prompt: str, clause: str, template: str = TEMPLATE) -> str:
    """``template`` with ``{role}`` (the subject with its attire and hair cues) and ``{clause}`` filled in.

    "A video of an astronaut waving a hand." becomes "A portrait photo of an astronaut, <clause>." An empty clause takes the
    comma before it along. A prompt that names nobody, or only a group or a pronoun, speaks of "a person".
    """
    if not clause:
        template = re.sub(r"[,;]?\s*\{clause\}", "", template)
    return template.format(role=role_of(prompt), clause=clause)


def role_of(prompt: str) -> str:
    """The subject as an indefinite noun phrase with the attire and hair the prompt gives it: "a man in a red jacket"."""
    subject = find_subject(prompt)
    if subject is None or subject.plural or subject.kind in {"pronoun", "object"}:
        return "a person"
    said = prompt[subject.start : subject.end]
    if role := APPOSITION.match(prompt[subject.end :]):
        said = role.group(1)
    elif subject.kind == "name" or not said[0].isascii():
        return "a person"
    phrase = said.split()
    if phrase[0].lower() in {"someone", "somebody", "anyone", "anybody"}:
        return "a person"
    if phrase[0].lower() in words.DETERMINERS:
        phrase = phrase[1:]
    else:  # it may begin a sentence
        phrase[0] = phrase[0].lower() if phrase[0].istitle() else phrase[0]
    shown = [word for word in phrase if word.lower() not in words.OCCLUDERS]
    noun = " ".join(shown) or "person"
    return with_article(noun) + _cue(prompt[subject.end :])


def failed_reference_checks(text: str, allowed: str) -> list[CheckFailure]:
    """The checks that a reference prompt fails, empty if it may be used.

    ``occluder``: nothing hides the face unless it is said to be open; ``third_person``; ``meta``: no camera talk, no hashtags;
    ``added``: every word comes from ``allowed`` (template, prompt and clause together); ``sentences``: one sentence.
    """
    said = [token.lower() for token in tokens(text)]
    known = {token.lower() for token in tokens(allowed)} | words.DETERMINERS | {"person"}
    suspects: tuple[tuple[str, list[str]], ...] = (
        ("occluder", occluders(text)),
        ("third_person", [t for t in said if t in words.FIRST_AND_SECOND_PERSON]),
        ("meta", [t for t in said if t in words.META or t in {"#", "@"}]),
        ("added", [t for t in said if is_word(t) and t not in known]),
        ("sentences", [t for t in said[:-1] if t in {".", "!", "?", "。"}]),
    )
    return [CheckFailure(name, ", ".join(found)) for name, found in suspects if found]  # type: ignore[arg-type]  # names of checks


def failed_written_checks(text: str, prompt: str) -> list[CheckFailure]:
    """The checks that a reference prompt by a language model fails; ``prompt`` is all that it may speak of, beside the face.

    Those of :func:`failed_reference_checks`, where other forms of the prompt's words ("waves" for "waving"), the small words of
    a sentence and of portraits, and phrases about a face count as known; ``person``: what it says of the face agrees with the
    prompt; ``subject``: it names the person.
    """
    said = tokens(text)
    stems = {_stem(token.lower()) for token in tokens(prompt)}
    told = [_stem(t.lower()) in stems or t.lower() in words.SMALL or not is_word(t) for t in said]
    subject = find_subject(text)
    person = tokens(text[subject.start : subject.end])[-1:] if subject else []
    strange = set(refused_beside(said, told, person))
    known = [token for token in said if token not in strange]
    failures = failed_reference_checks(text, allowed=" ".join([prompt, *known]))
    if differ := contradictions(text, prompt):
        own = ", ".join(word for word, known in zip(said, told, strict=True) if not known)
        said_otherwise = f"{', '.join(differ)}: not what the prompt says (added {own})"
        failures.append(CheckFailure("person", said_otherwise))
    if subject is None:
        failures.append(CheckFailure("subject", "nobody is named"))
    return failures


def _stem(word: str) -> str:
    """A word without its ending, so that "wave", "waves", "waved" and "waving" are one."""
    for ending in ("ing", "ed", "es", "s", "e"):
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            return word.removesuffix(ending)
    return word


def occluders(text: str) -> list[str]:
    """Words for things that hide a face, unless "open", "raised", "transparent", "without" … stands near them."""
    said = [token.lower() for token in tokens(text)]
    found = []
    for index, word in enumerate(said):
        near = said[max(0, index - OPEN_REACH) : index + OPEN_REACH + 1]
        if word in words.OCCLUDERS and not words.OPENERS & set(near):
            found.append(word)
    return found


def _cue(tail: str) -> str:
    """ " in a red jacket" or " with long red hair" if the prompt goes on with it, without what hides a face; else empty."""
    match = CUE.match(tail)
    if match is None:
        return ""
    shown = [
        part for part in re.split(r"\s+(?:and|with)\s+", match.group(2)) if not occluders(part)
    ]
    parts = [cue for part in shown if (cue := _up_to_cue(part))]
    return f" {match.group(1).lower()} {' and '.join(parts)}" if parts else ""


def _up_to_cue(part: str) -> str:
    """``part`` up to its last word of clothing or hair, provided that no other phrase begins before it; else empty."""
    said = part.split()
    last = 0
    for index, word in enumerate(said, start=1):
        if word.lower() in words.BOUNDARIES - JOINTS:
            break
        if word.lower() in words.WORN_OR_HAIR:
            last = index
    return " ".join(said[:last])
