"""What one prompt becomes: the model's caption, the prompt with the clause of the face, or the prompt as it was."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from tpige_kedro.prompts.attributes import FaceAttributes
from tpige_kedro.prompts.checks import failed_checks
from tpige_kedro.prompts.clause import compose_clause, insert_clause
from tpige_kedro.prompts.conflicts import settle_conflicts
from tpige_kedro.prompts.facts import contradictions
from tpige_kedro.prompts.fitting import fit_attributes
from tpige_kedro.prompts.rewriting import added_words, failed_rewrite_checks
from tpige_kedro.schemas import PromptEnhancement

FLAG_OF_NOTE = {"gender": "gender", "hair": "hair_colour", "age": "age"}


@dataclass(frozen=True)
class Enhancement:
    """What became of one prompt."""

    enhanced_prompt: str
    clause: str = ""
    note: str = ""
    source: str = "none"
    flags: tuple[str, ...] = ()  # the checks that fired, one per failed answer

    def columns(self) -> dict[str, str]:
        """As columns of ``enhanced_prompts``."""
        return {
            "enhanced_prompt": self.enhanced_prompt,
            "clause": self.clause,
            "source": self.source,
            "note": self.note,
            "flags": " ".join(self.flags),
        }


def enhance(
    prompt: str,
    face: FaceAttributes | None,
    unread: str,
    rewritten: Mapping[str, Any],
    earlier: list[str],
    options: PromptEnhancement,
) -> Enhancement:
    """What becomes of ``prompt``.

    Args:
        prompt: as the user wrote it.
        face: what was read in the person's face; None if that failed, for the reason ``unread``.
        unread: why there is no ``face``.
        rewritten: ``text`` of the model's caption (empty without one), ``attempts`` that failed, and the ``problem``.
        earlier: what was added to the person's earlier prompts; what is added here is appended.
        options: mode and limits.
    """
    by_clause = enhance_prompt(prompt, face, options) if face else Enhancement(prompt, note=unread)
    if options.mode == "attributes":
        return by_clause
    flags = tuple(f["check"] for attempt in rewritten["attempts"] for f in attempt["failed"])
    text, problem = str(rewritten["text"]), str(rewritten["problem"])
    if text:
        added = added_words(prompt, text)
        differ = sorted({name for other in earlier for name in contradictions(added, other)})
        failures = failed_rewrite_checks(prompt, text, by_clause.clause, options.max_added_words)
        if not differ and not failures:
            earlier.append(added)
            return Enhancement(text, by_clause.clause, "", "model", flags)
        flags += ("person",) if differ else tuple(failure.check for failure in failures)
        problem = (
            f"{', '.join(differ)}: not as in other prompts of the person"
            if differ
            else "; ".join(map(str, failures))
        )
    source = "none" if by_clause.source == "none" else "clause"
    if by_clause.clause:
        earlier.append(by_clause.clause)
    note = "; ".join(part for part in (f"not the model's text: {problem}", by_clause.note) if part)
    return replace(by_clause, source=source, note=note, flags=flags or ("service",))


def enhance_prompt(
    prompt: str, attributes: FaceAttributes, options: PromptEnhancement
) -> Enhancement:
    """Compose, insert, check: attributes that contradict the prompt are left out; a failed check keeps the prompt."""
    attributes, notes = settle_conflicts(prompt, attributes)
    flags = tuple(FLAG_OF_NOTE[note.split()[0]] for note in notes)
    attributes, unfit = fit_attributes(attributes)
    notes, flags = [*notes, *unfit], (*flags, *["facial_only"] * len(unfit))
    clause = compose_clause(attributes, options.minimum_confidence)
    if not clause:
        notes.append(
            f"nothing to add was read with confidence {options.minimum_confidence} or more"
        )
        return Enhancement(prompt, note="; ".join(notes), flags=flags)
    enhanced = insert_clause(prompt, clause)
    failures = failed_checks(prompt, enhanced, options.max_added_words)
    if failures:
        refused = [f"prompt kept, check failed: {failure}" for failure in failures]
        flags += tuple(failure.check for failure in failures)
        return Enhancement(prompt, note="; ".join([*notes, *refused]), flags=flags)
    return Enhancement(enhanced, clause, "; ".join(notes), "model", flags)
