from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from colour_reader import MODELS, OPTIONS, ColourReader, Stage, saved

from tpige_kedro.files.seal import open_sealed
from tpige_kedro.models import release_models
from tpige_kedro.pipelines.prompt_enhancement import nodes
from tpige_kedro.pipelines.prompt_enhancement.enhance import enhance_prompt
from tpige_kedro.pipelines.prompt_enhancement.reading import read_faces
from tpige_kedro.prompts.attributes import Attribute, FaceAttributes
from tpige_kedro.prompts.checks import is_verbatim
from tpige_kedro.vision_language.usage import Usage, meter


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    """Ann is red, Bob is blue."""
    release_models()
    ColourReader.forget()
    made = Stage(tmp_path)
    made.picture("ann.png", "red")
    made.picture("bob.png", "blue")
    return made


def test_every_prompt_gets_the_clause_of_its_person(stage: Stage) -> None:
    made = stage.run()
    table = made["enhanced_prompts"]
    assert list(table["enhanced_prompt"]) == [
        "A chef, a man with red hair, cooks.",
        "A king, a man with red hair, waves. 🙂",
        "A knight, a man with blue hair, rides.",
    ]
    assert set(table["source"]) == {"model"}
    assert len(ColourReader.calls) == 2  # one reading per person, not per sample
    seen = FaceAttributes.from_dict(made["face_attributes"]["ann"].load())
    assert seen.hair == Attribute("red hair")
    record = made["face_attributes"]["ann"].record()
    assert record["reference"] == "ann.png" and record["reference_hash"]
    assert record["maker"]["name"] == "reader" and record["maker"]["version"] == 1
    assert record["people"] == ["ann"]


def test_a_rerun_reads_nothing_a_changed_picture_is_read_again(stage: Stage) -> None:
    first = stage.run()
    release_models()
    assert stage.run()["enhanced_prompts"].equals(first["enhanced_prompts"])
    assert len(ColourReader.calls) == 2 and ColourReader.loaded == 1, "nor is the model loaded"
    stage.picture("bob.png", "red")
    assert "red hair" in stage.run()["enhanced_prompts"]["enhanced_prompt"][2]
    assert len(ColourReader.calls) == 3


def test_the_rules_are_applied_only_to_people_of_whom_something_changed(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    applied: list[str] = []
    enhance = nodes.enhance

    def noted(prompt: str, *rest: Any) -> Any:
        applied.append(prompt)
        return enhance(prompt, *rest)

    monkeypatch.setattr(nodes, "enhance", noted)
    first = stage.run()
    assert len(applied) == 3
    applied.clear()
    assert stage.run()["enhanced_prompts"].equals(first["enhanced_prompts"]) and applied == []
    stage.samples[1] = ("s2", "ann", "A queen waves.", "ann.png")
    stage.run()
    assert applied == ["A chef cooks.", "A queen waves."], "Ann's; Bob's stay"
    applied.clear()
    stage.picture("bob.png", "red")
    assert "red hair" in stage.run()["enhanced_prompts"]["enhanced_prompt"][2]
    assert applied == ["A knight rides."]
    applied.clear()
    stage.run(OPTIONS.model_copy(update={"minimum_confidence": 0.4}))
    assert len(applied) == 3
    applied.clear()
    monkeypatch.setattr(nodes, "code_hash", lambda *parts: "other")
    stage.run(OPTIONS.model_copy(update={"minimum_confidence": 0.4}))
    assert len(applied) == 3
    (stage.root / "enhanced_prompt_items/ann.json").write_text("damaged")
    applied.clear()
    stage.run(OPTIONS.model_copy(update={"minimum_confidence": 0.4}))
    assert len(applied) == 2


def test_a_new_version_of_the_reader_reads_all_again(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage.run()
    monkeypatch.setattr(ColourReader, "version", 2)
    stage.run()
    assert len(ColourReader.calls) == 4


def test_a_killed_run_resumes_where_it_was(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    stage.picture("bob.png", "green")
    with pytest.raises(KeyboardInterrupt):
        stage.run()
    files = {file.name for file in (stage.root / "face_attributes").iterdir()}
    assert files == {"ann.json", "_index.json"}
    ColourReader.calls.clear()
    monkeypatch.setattr(ColourReader, "kills", False)
    table = stage.run()["enhanced_prompts"]
    assert ColourReader.calls == ["(0, 128, 0)"]  # ann was not read again
    assert list(table["source"]) == ["model"] * 3


@pytest.mark.parametrize(
    ("colour", "error", "words"),
    [
        ("black", "NoFaceError", "person bob (sample s3): no face found in references/bob.png"),
        ("white", "RuntimeError", "reader broke"),
    ],
)
def test_an_unreadable_face_keeps_the_prompts_of_its_person(
    stage: Stage, colour: str, error: str, words: str
) -> None:
    stage.picture("bob.png", colour)
    made = stage.run()
    table = made["enhanced_prompts"]
    assert list(table["source"]) == ["model", "model", "none"]
    assert table["enhanced_prompt"][2] == "A knight rides."
    assert words in table["note"][2]
    assert list(made["face_attributes"]) == ["ann"]
    failure = made["face_attributes"].failures["bob"]
    assert failure.error == error
    assert words in failure.message


def test_attributes_of_an_earlier_picture_are_not_used_after_a_failure(stage: Stage) -> None:
    first = stage.run()
    stage.picture("bob.png", "black")
    assert stage.run()["enhanced_prompts"]["source"][2] == "none"
    ColourReader.calls.clear()
    stage.picture("bob.png", "blue")
    again = stage.run()
    assert again["enhanced_prompts"].equals(first["enhanced_prompts"])
    assert again["face_attributes"].failures == {}
    assert ColourReader.calls == [], "the failure did not destroy what was read before"


def test_a_picture_exchanged_after_the_check_is_not_read(stage: Stage) -> None:
    checked = stage.run()["checked_samples"]
    stage.picture("bob.png", "red")
    work = read_faces(checked, stage.references().load(), OPTIONS, MODELS)
    ColourReader.calls.clear()
    assert list(saved(stage.folder("face_attributes"), work)) == ["ann", "bob"], "bob is known"
    items = saved(stage.folder("elsewhere"), work)
    message = items.failures["bob"].message
    assert "bob.png was changed" in message and "run prompt_enhancement" in message
    assert list(items) == ["ann"] and ColourReader.calls == ["(255, 0, 0)"]


def test_a_person_without_samples_is_no_longer_asked_for(stage: Stage) -> None:
    stage.run()
    stage.samples = stage.samples[:2]
    made = stage.run()
    assert list(made["face_attributes"]) == ["ann"] and len(made["enhanced_prompts"]) == 2
    assert (stage.root / "face_attributes" / "bob.json").is_file(), "nothing is deleted unasked"


def test_a_damaged_reading_is_made_again(stage: Stage) -> None:
    first = stage.run()
    file = stage.root / "face_attributes" / "bob.json"
    file.write_text(file.read_text().replace("blue hair", "grey hair"))
    assert stage.run()["enhanced_prompts"].equals(first["enhanced_prompts"])
    assert len(ColourReader.calls) == 3
    healed = FaceAttributes.from_dict(open_sealed(file.read_bytes())["value"])
    assert healed.hair == Attribute("blue hair")


MAN = FaceAttributes(gender=Attribute("man", 0.9), hair=Attribute("red hair", 0.8))


@pytest.mark.parametrize(
    ("prompt", "attributes", "enhanced", "note"),
    [
        ("A chef cooks.", MAN, "A chef, a man with red hair, cooks.", ""),
        ("She cooks.", MAN, "A person with red hair: She cooks.", "gender left out"),
        ("A blonde chef cooks.", MAN, "A blonde chef, a man, cooks.", "hair left out"),
        ("A chef cooks.", FaceAttributes(), "A chef cooks.", "nothing to add"),
        (
            "A chef cooks.",
            FaceAttributes(hair=Attribute("red hair", 0.1)),
            "A chef cooks.",
            "nothing to add",
        ),
        (
            "A chef cooks.",
            FaceAttributes(traits=(Attribute("a red hat"),)),
            "A chef cooks.",
            "traits left out ('hat' is not about the face)",
        ),
        (
            "A chef cooks.",
            FaceAttributes(traits=(Attribute("very " * 50 + "long hair"),)),
            "A chef cooks.",
            "length: added",
        ),
    ],
)
def test_what_becomes_of_a_prompt(
    prompt: str, attributes: FaceAttributes, enhanced: str, note: str
) -> None:
    outcome = enhance_prompt(prompt, attributes, OPTIONS)
    assert outcome.enhanced_prompt == enhanced
    assert note in outcome.note
    assert (outcome.clause == "") == (enhanced == prompt)
    assert is_verbatim(prompt, outcome.enhanced_prompt)


def test_a_record_says_what_a_reading_cost_where_a_service_was_asked(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = ColourReader.read_face

    def asked(self: ColourReader, reference: Any) -> FaceAttributes:
        if reference.getpixel((0, 0)) == (255, 0, 0):
            meter("a model", Usage(requests=2, answers=1, input_tokens=300, output_tokens=20))
        return read(self, reference)

    monkeypatch.setattr(ColourReader, "read_face", asked)
    faces = stage.run()["face_attributes"]
    paid = faces["ann"].record()["usage"]
    assert (paid["requests"], paid["input_tokens"], paid["output_tokens"]) == (2, 300, 20)
    assert "usage" not in faces["bob"].record()
