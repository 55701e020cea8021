"""The reference prompt in the words of a model (paper section 3.3), through a real server."""

from __future__ import annotations

from collections import Counter

import pytest
from chat_server import Asked, serving
from service_project import ask

from project import Project, row
from tpige_kedro.hooks.errors import RunStopped

STAGES = ("prompt_enhancement", "reference_enhancement")
TEXTS = "05_model_input/reference_prompts.parquet"
PROMPT = "A chef in a white apron cooks in a kitchen."


def painter(caption: str) -> str:
    """Writes of the chef what the caption says, of the man what it does not."""
    return "An old chef wears a white apron." if "chef" in caption else "A man in a mask waits."


def writing(asked: Asked) -> bool:
    return not asked.reads_face and asked.picture is None


@pytest.fixture
def written(project: Project, key: str) -> Project:
    project.write_samples([row(1, prompt=PROMPT), row(2, prompt="A man waits at a wall.")])
    project.configure(reference_enhancement={"writer": "reader"})
    return project


def test_the_writers_text_or_the_rules(written: Project) -> None:
    with serving(rewrite=painter) as server:
        ask(written, server, mode="attributes")
        written.run(*STAGES)
        asked = Counter(a.key for a in server.asked if writing(a))
        written.run(*STAGES)
        assert Counter(a.key for a in server.asked if writing(a)) == asked, "asked once"
    chef, man = written.table(TEXTS).to_dict("records")
    assert chef["source"] == "rules" and "old" in chef["note"]  # the caption says young
    assert man["source"] == "rules" and "occluder: mask" in man["note"]
    assert "mask" not in man["reference_prompt"] and set(asked.values()) == {3}


def test_a_good_text_is_taken_and_made_of_the_enhanced_prompt(written: Project) -> None:
    with serving(rewrite=lambda caption: "A young chef wears a white apron.") as server:
        ask(written, server, mode="attributes")
        written.run(*STAGES)
        texts = [a for a in server.asked if writing(a)]
    chef, _ = written.table(TEXTS).to_dict("records")
    assert (chef["source"], chef["note"]) == ("model", "")
    assert chef["reference_prompt"] == "A young chef wears a white apron."
    assert any("short brown hair" in asked.key for asked in texts), "T_ref is made of T_c"


def test_a_service_that_is_gone_leaves_the_rules(written: Project) -> None:
    with serving(plan=lambda asked: "500" if writing(asked) else "good") as server:
        ask(written, server, mode="attributes", retries=0)
        with pytest.raises(RunStopped, match="reference_prompts"):
            written.run(*STAGES)
        table = written.table(TEXTS)
        assert (table["source"] == "rules").all()
        assert table["note"].str.contains("gave no answer").all()


def test_nothing_is_asked_without_a_writer_or_a_variant_that_needs_it(written: Project) -> None:
    with serving() as server:
        ask(written, server, mode="attributes")
        written.configure(reference_enhancement={"writer": None})
        written.run(*STAGES)
        assert not any(map(writing, server.asked))


def test_a_writer_without_its_key_stops_the_run(
    written: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPENAI_API_KEY")
    with serving() as server:
        ask(written, server)
        written.configure(prompt_enhancement={"reader": "mini_reader", "mode": "attributes"})
        with pytest.raises(RunStopped, match=r"models.reader \(reference_enhancement.writer\)"):
            written.run(*STAGES)
