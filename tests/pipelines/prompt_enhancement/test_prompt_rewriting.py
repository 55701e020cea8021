"""Mode ``rewrite`` on stand-ins; whole runs against a service: tests/vision_language/test_service_runs.py."""

from __future__ import annotations

from pathlib import Path

import pytest
from colour_reader import MODELS, OPTIONS, REWRITE, ColourReader, Stage, saved

from tpige_kedro.models import release_models
from tpige_kedro.pipelines.prompt_enhancement.rewriting import rewrite_prompts


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    release_models()
    ColourReader.forget()
    made = Stage(tmp_path)
    made.picture("ann.png", "red")
    made.picture("bob.png", "blue")
    return made


def test_the_models_caption_or_the_clause(stage: Stage) -> None:
    made = stage.run(REWRITE)
    table = made["enhanced_prompts"].set_index("sample_id")
    assert table["source"].tolist() == ["model", "model", "clause"]
    assert table.loc["s1", "enhanced_prompt"] == "A chef, a man with red hair and a scar, cooks."
    assert table.loc["s3", "enhanced_prompt"] == "A knight, a man with blue hair, rides."
    assert "not the model's text: " in table.loc["s3", "note"]
    record = made["rewritten_prompts"]["s1"].record()
    assert record["prompt"] == "A chef cooks." and record["clause"] == "a man with red hair"
    assert record["instruction"]["name"] == "rewrite_caption" and record["people"] == ["ann"]
    refused = made["rewritten_prompts"]["s3"].load()
    assert refused["text"] == "" and len(refused["attempts"]) == REWRITE.attempts
    assert refused["problem"].endswith("(asked 3 times)")


def test_a_rerun_asks_nothing_and_a_change_asks_for_its_own_captions(stage: Stage) -> None:
    first = stage.run(REWRITE)
    ColourReader.forget()
    release_models()
    assert stage.run(REWRITE)["enhanced_prompts"].equals(first["enhanced_prompts"])
    assert (ColourReader.calls, ColourReader.loaded) == ([], 0)
    stage.samples[1] = ("s2", "ann", "A queen waves.", "ann.png")
    stage.run(REWRITE)
    assert ColourReader.calls == ["A queen waves."]
    ColourReader.calls.clear()
    stage.picture("bob.png", "red")
    stage.run(REWRITE)
    assert set(ColourReader.calls) == {"(255, 0, 0)", "A knight rides."}


def test_a_model_that_fails_at_one_caption_leaves_the_clause(stage: Stage) -> None:
    stage.samples.append(("s4", "ann", "A thief runs.", "ann.png"))
    made = stage.run(REWRITE)
    row = made["enhanced_prompts"].set_index("sample_id").loc["s4"]
    assert row["source"] == "clause" and row["flags"] == "service"
    assert "reader broke" in row["note"]
    assert made["rewritten_prompts"].failures["s4"].message == "reader broke"
    assert list(made["rewritten_prompts"]) == ["s1", "s2", "s3"]
    ColourReader.calls.clear()
    stage.run(REWRITE)
    assert ColourReader.calls == ["A thief runs."], "only what failed is asked again"


def test_a_picture_exchanged_after_the_check_is_not_shown_to_the_model(stage: Stage) -> None:
    made = stage.run()
    stage.picture("bob.png", "red")
    references = stage.references().load()
    work = rewrite_prompts(
        made["checked_samples"], references, made["face_attributes"], REWRITE, MODELS
    )
    ColourReader.calls.clear()
    items = saved(stage.folder("rewritten_prompts"), work)
    assert "bob.png was changed" in items.failures["s3"].message
    assert list(items) == ["s1", "s2"] and len(ColourReader.calls) == 2


def test_mode_attributes_asks_for_no_caption_and_hides_those_that_are_there(stage: Stage) -> None:
    stage.run(REWRITE)
    ColourReader.calls.clear()
    made = stage.run(OPTIONS)
    assert list(made["rewritten_prompts"]) == [] and ColourReader.calls == []
    assert "a scar" not in " ".join(made["enhanced_prompts"]["enhanced_prompt"])
    stage.run(REWRITE)
    assert ColourReader.calls == [], "they are still there"


def test_a_caption_that_came_later_takes_the_place_of_the_clause(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage.samples.append(("s4", "ann", "A thief runs.", "ann.png"))
    assert stage.run(REWRITE)["enhanced_prompts"]["source"].tolist()[3] == "clause"
    answer = "A thief, a man with red hair and a scar, runs."
    monkeypatch.setattr(ColourReader, "rewrite_prompt", lambda *_: answer)
    row = stage.run(REWRITE)["enhanced_prompts"].set_index("sample_id").loc["s4"]
    assert (row["source"], row["enhanced_prompt"]) == ("model", answer)


def test_another_clause_of_the_same_face_asks_again(stage: Stage) -> None:
    stage.run(REWRITE)
    ColourReader.calls.clear()
    made = stage.run(REWRITE.model_copy(update={"minimum_confidence": 0.1}))
    assert sorted(ColourReader.calls)[:2] == ["A chef cooks.", "A king waves. 🙂"]
    told = made["rewritten_prompts"]["s1"].record()["clause"]
    assert told == "a man with red hair and blue eyes"
