import numpy as np
import pytest
from PIL import Image

from tpige_kedro.image_editors.protocol import EditRequest
from tpige_kedro.image_editors.vace_still import VaceStill
from tpige_kedro.schemas import Guidance
from tpige_kedro.video_generators.protocol import ClipRequest
from tpige_kedro.video_generators.wan_vace import WanVace
from video_generators.tiny_wan import OPTIONS, picture, save_vace

STILL = {name: value for name, value in OPTIONS.items() if name != "num_frames"}
PROMPT = "A portrait photo of a chef."


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(save_vace(tmp_path_factory.mktemp("checkpoints") / "vace"))


@pytest.fixture(scope="module")
def editor(checkpoint: str) -> VaceStill:
    return VaceStill(checkpoint, text_weight=1.0, **STILL)


def draw(editor: VaceStill, *requests: EditRequest) -> list[Image.Image]:
    """The pictures in the order of the requests."""
    made = {id(request): drawn for request, drawn in editor.edit(requests)}
    return [made[id(request)] for request in requests]


def pixels(drawn: Image.Image) -> np.ndarray:
    return np.asarray(drawn, dtype=int)


def test_a_picture_of_the_set_size_per_request(editor: VaceStill) -> None:
    first, second = draw(
        editor, EditRequest("s1", PROMPT, picture(0), 1), EditRequest("s1", PROMPT, picture(0), 2)
    )
    assert first.size == (OPTIONS["width"], OPTIONS["height"])
    assert first.mode == "RGB"
    assert np.abs(pixels(first) - pixels(second)).max() > 0  # another seed, another candidate
    (again,) = draw(editor, EditRequest("s1", PROMPT, picture(0), 1))
    assert (
        np.abs(pixels(first) - pixels(again)).max() <= 1
    )  # one grey level: batches of another size round differently


def test_the_prompt_matters(editor: VaceStill) -> None:
    chef, king = draw(
        editor,
        EditRequest("s1", PROMPT, picture(0), 1),
        EditRequest("s2", "A portrait photo of a king.", picture(0), 1),
    )
    assert np.abs(pixels(chef) - pixels(king)).max() > 0


def test_the_reference_conditions_the_picture(
    editor: VaceStill, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []
    conditions = (
        editor.generator.conditions
    )  # of the tiny random VAE, its effect is below one grey level
    monkeypatch.setattr(
        editor.generator, "conditions", lambda *args: seen.append(conditions(*args)) or seen[-1]
    )
    draw(editor, *(EditRequest(f"s{i}", PROMPT, picture(i), 1) for i in range(2)))
    assert (seen[0]["control"] - seen[1]["control"]).abs().max() > 0.01


def test_it_is_one_frame_of_the_video_generator(editor: VaceStill, checkpoint: str) -> None:
    generator = WanVace(checkpoint, num_frames=1, **STILL)
    request = ClipRequest("s1", PROMPT, (picture(0),), 5)
    ((_, clip),) = generator.generate([request], Guidance(text_weight=1.0))
    assert not isinstance(clip, Exception)
    assert clip.frames.shape[0] == 1
    (drawn,) = draw(editor, EditRequest("s1", PROMPT, picture(0), 5))
    np.testing.assert_array_equal(clip.frames[0], np.asarray(drawn))


def test_an_unknown_option_is_named(checkpoint: str) -> None:
    with pytest.raises(ValueError, match="widht"):
        VaceStill(checkpoint, widht=32)
