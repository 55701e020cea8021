"""The small files beside weights: if they are missing, damaged or empty, a library continues with its own defaults, which give other results."""

from __future__ import annotations

from pathlib import Path

from tpige_kedro.errors import ModelError
from tpige_kedro.weights.whole import again, cannot_load, read_json

TOKENIZER, TOKENIZER_SETTINGS = "tokenizer.json", "tokenizer_config.json"
SETTINGS = (
    "scheduler_config.json",
    "preprocessor_config.json",
    "processor_config.json",
    "generation_config.json",
    TOKENIZER_SETTINGS,
    "vocab.json",
)


def check_settings(folder: Path) -> None:
    """Refuse settings in ``folder`` that cannot be read or say nothing. Raises :class:`ModelError` naming the file."""
    for name in SETTINGS:
        file = folder / name
        if file.is_file() and not read_json(file):
            raise ModelError(f"{file} says nothing; {again(file)}")


def check_vocabulary(part: object, folder: Path) -> None:
    """Refuse a tokenizer whose files are not in ``folder``: transformers makes one that knows no words, and texts mean nothing then.

    Without its settings the special tokens of some are split into letters.
    """
    names: dict[str, str] = getattr(part, "vocab_files_names", {})
    if not names:
        return
    own = [name for name in names.values() if name != TOKENIZER]
    absent = [name for name in own if not (folder / name).is_file()]
    if not (folder / TOKENIZER).is_file() and (absent or not own):
        raise _has_no(part, folder, [TOKENIZER, *absent])
    if not (folder / TOKENIZER_SETTINGS).is_file():
        raise _has_no(part, folder, [TOKENIZER_SETTINGS])
    for file in (folder / name for name in names.values()):
        if file.is_file() and not file.stat().st_size:
            raise cannot_load(type(part).__name__, folder, f"its {file.name} is empty")


def _has_no(part: object, folder: Path, names: list[str]) -> ModelError:
    return cannot_load(type(part).__name__, folder, f"it has no {' and no '.join(names)}")
