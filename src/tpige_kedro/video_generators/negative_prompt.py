"""The negative prompt: a text in conf, a file of the user's, or Wan's own terms in our words. Imports no torch."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files
from typing import Any

from tpige_kedro.weights.sources import local_path

WAN = "wan"  # the value of ``negative_prompt`` that stands for the text that ships
MOST_BYTES = 20_000  # the models read 512 tokens of it


def text_of(negative_prompt: str, file: str | None = None) -> str:
    """The text that the options stand for.

    Args:
        negative_prompt: the text itself; ``wan`` for the terms of Wan's ``sample_neg_prompt`` in our own (Chinese) words.
        file: a UTF-8 text file with it, in place of nothing or of ``wan``; relative paths start at the project root.

    Raises:
        ValueError: a text of one's own and a file are given, or the file is no text file.

    >>> text_of("blurred"), text_of("wan")[:4]
    ('blurred', '画质极差')
    """
    if file is not None:
        if negative_prompt not in ("", WAN):
            raise ValueError("negative_prompt_file: negative_prompt is set too; remove one of them")
        return text_in(file)
    if negative_prompt == WAN:
        return _stripped(files(__package__).joinpath("negative_prompt_wan.txt").read_bytes())
    return negative_prompt


def text_in(file: str) -> str:
    """The text in a file, without the white space around it. Raises ``ValueError`` naming the file and what to do."""
    path = local_path(file)
    said = f"negative_prompt_file: {path}"
    if not path.is_file():
        what = "is not a file" if path.exists() else "does not exist"
        raise ValueError(f"{said} {what}; name a text file, or remove the option")
    try:
        if path.stat().st_size > MOST_BYTES:
            raise ValueError(
                f"{said} has more than {MOST_BYTES:,} bytes, too many for a prompt; name the right file"
            )
        text = _stripped(path.read_bytes())
    except UnicodeDecodeError as error:
        raise ValueError(f"{said} is not UTF-8 ({error.reason}); save it as UTF-8") from None
    except OSError as error:
        raise ValueError(f"{said} cannot be read ({error.strerror}); make it readable") from None
    if not text:
        raise ValueError(f"{said} is empty; write the negative prompt into it, or remove the option")  # fmt: skip
    return text


def identified(options: Mapping[str, Any]) -> dict[str, Any]:
    """The options of a model with the text itself in place of what stands for it: that is what decides its clips.

    >>> identified({"steps": 4, "negative_prompt": "blurred"})
    {'steps': 4, 'negative_prompt': 'blurred'}
    """
    file = options.get("negative_prompt_file")
    if "negative_prompt" not in options and file is None:
        return dict(options)
    others = {name: value for name, value in options.items() if name != "negative_prompt_file"}
    return {**others, "negative_prompt": text_of(options.get("negative_prompt") or "", file)}


def _stripped(content: bytes) -> str:
    return content.decode("utf-8-sig").strip()
