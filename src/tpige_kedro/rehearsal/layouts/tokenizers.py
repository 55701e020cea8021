"""Small tokenizers in the files of the published ones. Texts become more tokens than with theirs, at most one for each letter."""

from __future__ import annotations

import json
import string
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from tpige_kedro.rehearsal.files import File, json_file, saved_files, text_file

PUNCTUATION = ".,;:!?'\"-()<>/{}[]_0123456789"
CLIP_ENDS = ("<|startoftext|>", "<|endoftext|>")
QWEN_SPECIAL = (
    "<|endoftext|>",
    "<|im_start|>",
    "<|im_end|>",
    "<|object_ref_start|>",
    "<|object_ref_end|>",
    "<|box_start|>",
    "<|box_end|>",
    "<|quad_start|>",
    "<|quad_end|>",
    "<|vision_start|>",
    "<|vision_end|>",
    "<|vision_pad|>",
    "<|image_pad|>",
    "<|video_pad|>",
)
QWEN_WORDS = 151_643  # before the special tokens


@cache
def byte_letters() -> tuple[str, ...]:
    """The 256 letters that stand for bytes in byte-level vocabularies, in their published order."""
    from transformers.convert_slow_tokenizer import bytes_to_unicode

    return tuple(bytes_to_unicode().values())


def t5_files(folder: str) -> list[File]:
    """A tokenizer of T5 and UMT5: pieces are letters, ``</s>`` ends a text."""

    def save(path: Path) -> None:
        from transformers import T5Tokenizer

        pieces = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", -9.0), ("▁", -2.0)]
        pieces += [(letter, -3.0) for letter in string.ascii_letters + PUNCTUATION]
        T5Tokenizer(vocab=pieces, extra_ids=0, model_max_length=512).save_pretrained(path)

    names = ("tokenizer.json", "tokenizer_config.json")
    return saved_files(tuple(f"{folder}/{name}" for name in names), save)


def clip_files(folder: str = "") -> list[File]:
    """A tokenizer of CLIP: ``vocab.json`` with single letters, no merges."""
    prefix = f"{folder}/" if folder else ""
    letters = byte_letters()
    words = [*letters, *(f"{letter}</w>" for letter in letters), *CLIP_ENDS]
    return [
        json_file(f"{prefix}vocab.json", {word: i for i, word in enumerate(words)}),
        text_file(f"{prefix}merges.txt", "#version: 0.2\n"),
        json_file(
            f"{prefix}tokenizer_config.json",
            {
                "tokenizer_class": "CLIPTokenizer",
                "model_max_length": 77,
                "do_lower_case": True,
                "bos_token": CLIP_ENDS[0],
                "eos_token": CLIP_ENDS[1],
                "unk_token": CLIP_ENDS[1],
                "pad_token": CLIP_ENDS[1],
            },
        ),
    ]


def qwen_files(
    folder: str = "", words: int = QWEN_WORDS, special: Sequence[str] = QWEN_SPECIAL
) -> list[File]:
    """A tokenizer of Qwen2 with single bytes and ``special`` tokens; entries that no text reaches fill it to ``words``."""
    prefix = f"{folder}/" if folder else ""
    vocabulary = [*byte_letters(), *(f"<filler {i}>" for i in range(256, words))]
    added = {
        str(words + i): {
            "content": token,
            "special": True,
            "normalized": False,
            "lstrip": False,
            "rstrip": False,
            "single_word": False,
        }
        for i, token in enumerate(special)
    }
    listed = json.dumps({word: i for i, word in enumerate(vocabulary)}, ensure_ascii=False)
    return [
        text_file(f"{prefix}vocab.json", listed),
        text_file(f"{prefix}merges.txt", "#version: 0.2\n"),
        json_file(
            f"{prefix}tokenizer_config.json",
            {
                "added_tokens_decoder": added,
                "additional_special_tokens": list(special[1:]),
                "bos_token": None,
                "eos_token": "<|im_end|>",
                "pad_token": "<|endoftext|>",
                "model_max_length": 131072,
                "padding_side": "left",
                "tokenizer_class": "Qwen2Tokenizer",
            },
        ),
    ]


def qwen_ids(words: int = QWEN_WORDS, special: Sequence[str] = QWEN_SPECIAL) -> dict[str, int]:
    """The ids of the special tokens."""
    return {token: words + i for i, token in enumerate(special)}
