"""The instructions for language models: texts of our own in versioned YAML files, and what they contribute to fingerprints."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import yaml

FOLDER = Path(__file__).parent / "instructions"

InstructionName = Literal["read_face", "rewrite_caption", "reference_prompt"]


@dataclass(frozen=True)
class Instruction:
    """One file: the request to the model, and the feedback after an unusable answer."""

    name: str
    version: int
    text: str
    retry: str

    def told(self, complaints: Sequence[str] = (), **values: object) -> str:
        """The text with its ``{placeholders}`` filled, and what was wrong with the last answer."""
        told = _fill(self.text, values)
        if complaints:
            told += "\n" + _fill(self.retry, {"reasons": "; ".join(complaints)})
        return told

    def identity(self) -> dict[str, str | int]:
        """What the instruction contributes to fingerprints and records."""
        digest = hashlib.sha256(f"{self.text}\0{self.retry}".encode()).hexdigest()[:16]
        return {"name": self.name, "version": self.version, "hash": digest}


def load_instruction(name: InstructionName) -> Instruction:
    """The instruction in ``<name>.yml``."""
    values = yaml.safe_load((FOLDER / f"{name}.yml").read_text(encoding="utf-8"))
    return Instruction(**values)


def in_tags(caption: str) -> str:
    """``caption`` between tags that do not occur in it, so that no text in it can end them."""
    tag = f"caption-{hashlib.sha256(caption.encode()).hexdigest()[:8]}"
    return f"<{tag}>\n{caption}\n</{tag}>"


def _fill(text: str, values: dict[str, object]) -> str:
    """Plain replacement: braces in what a caption or a model says are nothing special."""
    for key, value in values.items():
        text = text.replace(f"{{{key}}}", str(value))
    return text
