"""Checks on a caption that a language model wrote: those of every enhanced prompt, and whether it fits prompt and person."""

from __future__ import annotations

from tpige_kedro.prompts.checks import CheckFailure, added_tokens, failed_checks, is_word
from tpige_kedro.prompts.conflicts import age_conflict, gender_conflict, hair_colour_conflict
from tpige_kedro.prompts.facts import contradictions


def added_words(original: str, enhanced: str) -> str:
    """What was added, as text."""
    return " ".join(added_tokens(original, enhanced))


def failed_rewrite_checks(
    original: str, enhanced: str, clause: str, max_added_words: int = 40
) -> list[CheckFailure]:
    """The checks that a model's caption fails, empty if it may be used.

    Beside :func:`failed_checks`: ``nothing``: it adds something; ``gender``, ``hair_colour``, ``age``: what it adds agrees with the prompt;
    ``person``: and with ``clause``, what was read in the face once for all prompts of the person (may be empty).
    """
    failures = failed_checks(original, enhanced, max_added_words)
    added = added_words(original, enhanced)
    if not any(is_word(token) for token in added_tokens(original, enhanced)):
        failures.append(CheckFailure("nothing", "no word about the face was added"))
    if found := gender_conflict(original, added):
        failures.append(CheckFailure("gender", found))
    if found := hair_colour_conflict(original, added):
        failures.append(CheckFailure("hair_colour", found))
    if found := age_conflict(original, added):
        failures.append(CheckFailure("age", found))
    if differ := contradictions(added, clause):
        failures.append(
            CheckFailure("person", f"{', '.join(sorted(differ))}: not what was read in the face")
        )
    return failures
