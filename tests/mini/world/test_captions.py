from __future__ import annotations

import random
import re
from itertools import product
from pathlib import Path

import pytest
import torch

from tpige_kedro.mini.training.text import TEXT_LENGTH, build_tokenizer, tokenize
from tpige_kedro.mini.world import vocabulary as words
from tpige_kedro.mini.world.captions import attributes_of, caption, skin_name, thin_out
from tpige_kedro.mini.world.people import sample_people
from tpige_kedro.prompts.clause import compose_clause, insert_clause

ROLES = range(len(words.ROLE_NAMES))
SETTINGS = range(len(words.SETTING_TEXTS) + 1)
ACTIONS = (None, *range(len(words.ACTION_TEXTS)))
EVERYTHING = list(product(ROLES, SETTINGS, ACTIONS))


@pytest.fixture(scope="module")
def persons() -> list[dict[str, float]]:
    columns = {
        name: values.tolist()
        for name, values in sample_people(420, torch.Generator().manual_seed(77)).items()
    }
    return [{name: values[i] for name, values in columns.items()} for i in range(420)]


@pytest.fixture(scope="module")
def long_captions(persons: list[dict[str, float]]) -> list[str]:
    """Every role, setting and action, each with the whole clause of somebody and any wording of the action."""
    rng = random.Random(4)
    return [
        caption(*kinds, attributes_of(persons[i % len(persons)]), rng)
        for i, kinds in enumerate(EVERYTHING)
    ]


def test_captions_are_the_sentences_that_we_expect(persons: list[dict[str, float]]) -> None:
    person = {
        **persons[0],
        "age": 2,
        "skin": 0.2,
        "gender": 0,
        "hair_style": words.BUN,
        "hair_colour": 3,
        "eye_colour": 1,
        "facial_hair": words.GOATEE,
        "glasses": words.ROUND,
        "freckles": 1,
    }
    assert caption(6, 3, 3) == "A video of an astronaut waving hello in outer space."
    assert caption(1, words.STUDIO) == "A portrait photo of a chef."
    assert caption(9, 5, 0, attributes_of(person)) == (
        "A video of a welder, an elderly pale-skinned man with red hair in a bun, blue eyes, a goatee, freckles and "
        "round glasses, nodding in the snow."
    )


def test_the_clause_is_the_one_of_prompt_enhancement(persons: list[dict[str, float]]) -> None:
    for i, kinds in enumerate(EVERYTHING):
        attributes = attributes_of(persons[i % len(persons)])
        told = caption(*kinds, attributes, random.Random(i))
        bare = caption(*kinds, rng=random.Random(i))
        assert told == insert_clause(bare, compose_clause(attributes)) != bare


def test_every_caption_says_role_setting_and_action() -> None:
    for role, setting, action in EVERYTHING:
        text = caption(role, setting, action, rng=random.Random(role))
        assert words.ROLE_NAMES[role] in text
        assert (setting == words.STUDIO) or words.SETTING_TEXTS[setting] in text
        assert action is None or any(wording in text for wording in words.ACTION_TEXTS[action])


def test_every_wording_is_used_and_names_one_action() -> None:
    wordings = [wording for pair in words.ACTION_TEXTS for wording in pair]
    assert len(set(wordings)) == len(wordings)
    for action, pair in enumerate(words.ACTION_TEXTS):
        said = {caption(0, 0, action, rng=random.Random(seed)) for seed in range(20)}
        assert said == {f"A video of a person {wording} on a sunny beach." for wording in pair}


def test_captions_fit_and_every_word_has_a_token_of_its_own(long_captions: list[str]) -> None:
    tokenizer = build_tokenizer()
    ids = tokenize(tokenizer, long_captions)
    assert ids.shape == (len(EVERYTHING), TEXT_LENGTH)
    unknown = tokenizer.convert_tokens_to_ids("<unk>")
    assert not (ids == unknown).any()
    for text, row in zip(long_captions, ids, strict=True):
        pieces = [piece for piece in re.split(r"\s+|([,.-])", text) if piece]
        assert (row != 0).sum() == len(pieces) + 1, f"{text}: one token a word, and the end"
    assert tokenizer.decode(ids[0], skip_special_tokens=True) == long_captions[0]


def test_a_caption_that_does_not_fit_is_an_error() -> None:
    with pytest.raises(ValueError, match="has 102 tokens, more than 64"):
        tokenize(build_tokenizer(), ["man " * 100])  # with the last blank and the end


def test_the_shipped_tokenizer_is_the_one_of_the_code(shipped, long_captions: list[str]) -> None:
    from transformers import AutoTokenizer

    loaded = AutoTokenizer.from_pretrained(Path(shipped("vace")) / "tokenizer")
    some = long_captions[::7]
    assert torch.equal(tokenize(loaded, some), tokenize(build_tokenizer(), some))


def test_thinned_attributes_are_some_of_the_whole_and_keep_the_gender(
    persons: list[dict[str, float]],
) -> None:
    rng, kept = random.Random(2), 0
    for person in persons[:100]:
        whole = attributes_of(person)
        thin = thin_out(whole, 0.6, rng)
        assert thin.gender == whole.gender and set(thin.traits) <= set(whole.traits)
        for name in ("age", "skin", "hair", "eyes", "facial_hair"):
            assert getattr(thin, name) in (None, getattr(whole, name))
            kept += name != "facial_hair" and getattr(thin, name) is not None
        assert thin_out(whole, 1.0, rng) == whole
    assert 0.5 < kept / 400 < 0.7


def test_skin_has_the_name_of_the_nearest_anchor() -> None:
    assert [skin_name(tone) for tone in (0.0, 0.4, 0.6, 1.6, 2.9)] == [
        "pale", "pale", "tan", "brown", "dark",
    ]  # fmt: skip
