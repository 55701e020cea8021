"""The tokenizer and the text encoder (UMT5) of the mini world."""

from __future__ import annotations

import json
import random
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from transformers import PreTrainedTokenizerFast, UMT5Config, UMT5EncoderModel

from tpige_kedro.mini.world.captions import attributes_of, caption
from tpige_kedro.mini.world.people import sample_people
from tpige_kedro.mini.world.vocabulary import ROLE_NAMES, SETTING_TEXTS

TEXT_LENGTH = 64  # tokens, padded; the mini pipelines are called with max_sequence_length=64
WIDTH = 192
WORD_SCORE, LETTER_SCORE = -5.0, -12.0


def build_tokenizer() -> PreTrainedTokenizerFast:
    """A Unigram tokenizer with one piece per word of the captions, and letters for everything else.

    The pieces are set by hand: a trainer on so small a grammar drops whole common words.
    """
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

    split = pre_tokenizers.Sequence(
        [pre_tokenizers.Metaspace(), pre_tokenizers.Punctuation("isolated")]
    )
    counts = Counter(
        word for text in _example_captions() for word, _ in split.pre_tokenize_str(text)
    )
    letters = sorted({chr(code) for code in range(33, 127)} | {"\u2581"})
    frequent = sorted(counts, key=lambda word: (-counts[word], word))
    pieces = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0)]
    pieces += [(word, WORD_SCORE) for word in frequent if len(word) > 1]
    pieces += [(letter, LETTER_SCORE) for letter in letters]
    tokenizer = Tokenizer(models.Unigram(pieces, unk_id=2))
    tokenizer.normalizer = normalizers.NFKC()
    tokenizer.pre_tokenizer = split
    tokenizer.decoder = decoders.Metaspace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="$A </s>", pair="$A </s> $B </s>", special_tokens=[("</s>", 1)]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="<pad>",
        eos_token="</s>",
        unk_token="<unk>",
        model_max_length=512,
    )


@cache
def _example_captions(count: int = 4000) -> tuple[str, ...]:
    """Enough captions to meet every word of the grammar."""
    rng = random.Random(0)
    people = {
        name: v.tolist()
        for name, v in sample_people(count, torch.Generator().manual_seed(0)).items()
    }
    texts = []
    for i in range(count):
        attributes = attributes_of({name: values[i] for name, values in people.items()})
        role, setting = rng.randrange(len(ROLE_NAMES)), rng.randrange(len(SETTING_TEXTS) + 1)
        action = None if i % 5 == 0 else rng.randrange(6)
        texts.append(caption(role, setting, action, attributes if i % 4 else None, rng))
    return tuple(texts)


def save_tokenizer(tokenizer: PreTrainedTokenizerFast, folder: Path) -> None:
    """Save, and name the class that older transformers know too."""
    tokenizer.save_pretrained(folder)
    path = folder / "tokenizer_config.json"
    config = json.loads(path.read_text())
    path.write_text(
        json.dumps({**config, "tokenizer_class": "PreTrainedTokenizerFast"}, indent=2) + "\n"
    )


def tokenize(tokenizer: PreTrainedTokenizerFast, texts: list[str]) -> Tensor:
    """Token ids (n, TEXT_LENGTH), padded with 0; a text that does not fit is an error, not cut."""
    rows: Any = tokenizer(texts, padding="max_length", max_length=TEXT_LENGTH)["input_ids"]
    longest = max(len(row) for row in rows)
    if longest > TEXT_LENGTH:
        raise ValueError(f"a caption has {longest} tokens, more than {TEXT_LENGTH}")
    return torch.tensor(rows)


def build_text_encoder(vocabulary_size: int) -> UMT5EncoderModel:
    """A fresh three-layer UMT5 encoder, trained together with the video transformer."""
    return UMT5EncoderModel(
        UMT5Config(
            vocab_size=vocabulary_size,
            d_model=WIDTH,
            d_kv=48,
            d_ff=384,
            num_layers=3,
            num_heads=4,
            dropout_rate=0.0,
            feed_forward_proj="gated-gelu",
            tie_word_embeddings=False,
            pad_token_id=0,
            eos_token_id=1,
            decoder_start_token_id=0,
        )
    )


class TextStates(nn.Module):
    """Token ids to hidden states with zero rows for padding, as the Wan pipelines make them: (n, L, WIDTH)."""

    def __init__(self, encoder: UMT5EncoderModel) -> None:
        super().__init__()
        self.encoder = encoder

    def forward(self, ids: Tensor) -> Tensor:
        """Ids (n, L) to states (n, L, WIDTH)."""
        mask = ids != 0
        with torch.autocast(
            ids.device.type, dtype=torch.bfloat16, enabled=ids.is_cuda, cache_enabled=False
        ):
            states: Tensor = self.encoder(ids, mask.long()).last_hidden_state
        return states.float() * mask[..., None]
