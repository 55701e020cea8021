"""The forms of answers as JSON schemas, in the strict dialect of structured output: all keys required, none further."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

AGE_RANGES = ("0-12", "13-19", "20-35", "36-55", "56-69", "70+")
GENDERS = ("masculine", "feminine", "unclear")
NOTED = ("skin", "hair", "eyes", "facial_hair")  # in words of the model's own


@dataclass(frozen=True)
class Form:
    """A JSON schema and its name."""

    name: str
    schema: dict[str, Any]

    def in_words(self) -> str:
        """For models without structured output."""
        return (
            "Answer with one JSON object and nothing else, according to this JSON schema: "
            + json.dumps(self.schema)
        )


def _object(properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _seen(value: dict[str, Any]) -> dict[str, Any]:
    return _object({"value": value, "confidence": {"type": "number"}})


def _or_null(schema: dict[str, Any]) -> dict[str, Any]:
    return {"anyOf": [schema, {"type": "null"}]}


_words = _seen({"type": "string"})

FACE = Form(
    "face",
    _object(
        {
            "face_visible": {"type": "boolean"},
            "age_range": _or_null(_seen({"type": "string", "enum": list(AGE_RANGES)})),
            "gender_presentation": _or_null(_seen({"type": "string", "enum": list(GENDERS)})),
            **{name: _or_null(_words) for name in NOTED},
            "traits": {"type": "array", "items": _words},
        }
    ),
)
CAPTION = Form("revised_caption", _object({"caption": {"type": "string"}}))
