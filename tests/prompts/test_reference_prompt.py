import pytest
from hypothesis import given
from hypothesis import strategies as st

from tpige_kedro.prompts.reference_prompt import (
    TEMPLATE,
    failed_reference_checks,
    failed_written_checks,
    occluders,
    reference_prompt,
    role_of,
)

CLAUSE = "an elderly pale-skinned man with red hair"


def test_the_mini_grammar_of_stills() -> None:
    prompt = "A video of an astronaut waving a hand in outer space."
    assert reference_prompt(prompt, CLAUSE) == f"A portrait photo of an astronaut, {CLAUSE}."


@pytest.mark.parametrize(
    ("prompt", "role"),
    [
        ("The young chef is cooking.", "a young chef"),
        ("An old man walks.", "an old man"),
        ("Young woman smiles", "a young woman"),
        ("His uncle, a king, waves.", "a king"),
        ("A man in a red jacket walks through rain.", "a man in a red jacket"),
        ("A woman with long blonde hair dances.", "a woman with long blonde hair"),
        ("A woman wearing a red dress and a mask dances.", "a woman wearing a red dress"),
        ("A woman who is wearing a coat of fur walks.", "a woman wearing a coat"),
        ("A rider wearing a helmet waits.", "a rider"),
        ("A diver in goggles swims.", "a diver"),
        ("A man in a kitchen puts on a coat.", "a man"),
        ("A man with a dog in a jacket walks.", "a man"),
        (
            "Young woman, dressed in a white dress, smiles.",
            "a young woman dressed in a white dress",
        ),
        ("Portrait of a Roman emperor on a throne", "a Roman emperor"),
        ("A person in a yellow raincoat waits.", "a person in a yellow raincoat"),
        ("Someone is reading.", "a person"),
        ("She walks.", "a person"),
        ("Two men walk.", "a person"),
        ("Maria, a potter, shapes clay.", "a potter"),
        ("Sam eats instant noodles.", "a person"),
        ("The camera follows him.", "a person"),
        ("CEO talks to a crowd", "a CEO"),
        ("The president's bodyguard nods.", "a president's bodyguard"),
        ("Sunset over the sea.", "a person"),
        ("", "a person"),
    ],
)
def test_role_of(prompt: str, role: str) -> None:
    assert role_of(prompt) == role


def test_without_a_clause_its_comma_goes_too() -> None:
    assert reference_prompt("A chef cooks.", "") == "A portrait photo of a chef."


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("an astronaut in a helmet", ["helmet"]),
        ("an astronaut in an open helmet", []),
        ("an astronaut with the visor raised", []),
        ("a man without a mask", []),
        ("a man with sunglasses and a veil", ["sunglasses", "veil"]),
        ("a man with round glasses", []),
    ],
)
def test_occluders(text: str, found: list[str]) -> None:
    assert occluders(text) == found


@pytest.mark.parametrize(
    ("text", "check"),
    [
        ("A photo of a man in a mask.", "occluder"),
        ("A photo of my man.", "third_person"),
        ("A close-up of a man.", "meta"),
        ("A photo of a man #portrait.", "meta"),
        ("A photo of a smiling man.", "added"),
        ("A photo. Of a man.", "sentences"),
    ],
)
def test_each_reference_check_catches_its_fault(text: str, check: str) -> None:
    failures = failed_reference_checks(
        text, allowed="A photo of a man in a mask my close-up # portrait"
    )
    assert [failure.check for failure in failures] == [check]


NOUNS = st.sampled_from(
    ["astronaut", "chef", "old king", "welder", "tall woman", "construction worker", "barista"]
)
ATTIRE = st.sampled_from(
    ["", " in a red jacket", " wearing a mask", " with long hair", " in a visor and gloves"]
)
ACTIONS = st.sampled_from(
    [" waves.", " walks on a beach.", ", smiling, waves. The camera zooms in.", ""]
)


@given(NOUNS, ATTIRE, ACTIONS)
def test_written_reference_prompts_pass_their_own_checks(
    noun: str, attire: str, action: str
) -> None:
    prompt = f"A {noun}{attire}{action}"
    text = reference_prompt(prompt, CLAUSE)
    assert failed_reference_checks(text, f"{TEMPLATE} {prompt} {CLAUSE}") == []
    assert noun.rsplit(maxsplit=1)[-1] in text
    assert CLAUSE in text


TOLD = "The chef, an old man with a grey beard, is waving in a kitchen, wearing a white apron and a mask."


@pytest.mark.parametrize(
    ("text", "checks"),
    [
        ("An old chef with a grey beard waves, wearing a white apron.", []),
        ("A portrait of the old chef in a white apron, who is waving.", []),
        ("The chef, his face fully visible, wears an apron.", []),
        ("A chef in an apron and a mask waves.", ["occluder"]),
        ("A chef in an apron waves, without a mask.", ["added"]),
        ("A smiling chef waves.", ["added"]),
        ("A chef in a red apron waves.", ["added"]),
        ("I see a chef who waves.", ["third_person", "added"]),
        ("A close-up shot of a chef.", ["meta", "added"]),
        ("A chef waves. A chef is old.", ["sentences"]),
        ("A chef with a broad nose and freckles waves, wearing an apron.", []),
        ("A portrait photo of the blue-eyed chef in a white apron.", []),
        ("A wrinkled chef in a white apron.", []),
        ("A chef with brown hair waves.", []),
        ("A chef with a lantern and a beard.", ["added"]),
        ("A chef in a golden apron.", ["added"]),
        ("A chef in a freckled apron.", ["added"]),
        ("A chef beside a chestnut horse.", ["added"]),
        ("A bearded chef in a leather apron.", ["added"]),
        ("A woman in an apron.", ["person"]),
        ("A young chef without a beard in an apron.", ["person"]),
        ("Waving in a kitchen.", ["subject"]),
        ("", ["subject"]),
    ],
)
def test_what_a_writer_may_write(text: str, checks: list[str]) -> None:
    assert [failure.check for failure in failed_written_checks(text, TOLD)] == checks
