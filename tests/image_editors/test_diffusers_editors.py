"""ACE++ and Qwen-Image-Edit end to end on tiny random checkpoints in the published layouts, through the code that loads the real ones."""

import logging
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import FluxTransformer2DModel
from PIL import Image
from safetensors.torch import load_file, save_file

from image_editors.tiny_editors import (
    flux_transformer,
    picture,
    save_flux_fill,
    save_lora,
    save_qwen_image_edit,
)
from tpige_kedro.errors import ModelError, SampleError
from tpige_kedro.image_editors.ace_plus import AcePlus
from tpige_kedro.image_editors.protocol import EditRequest, ImageEditor
from tpige_kedro.image_editors.qwen_image_edit import QwenImageEdit
from tpige_kedro.models import load_model
from tpige_kedro.schemas import ModelSpec

SMALL = {"height": 64, "width": 96, "steps": 2, "device": "cpu"}
PROMPT = "A portrait photo of a king."


@pytest.fixture(scope="module", autouse=True)
def small_pictures() -> Iterator[None]:
    """Qwen's pipeline brings every picture to a megapixel before it encodes it: minutes of tests."""
    from diffusers.pipelines.qwenimage import pipeline_qwenimage_edit_plus as module

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "VAE_IMAGE_SIZE", 64 * 64)
        patch.setattr(module, "CONDITION_IMAGE_SIZE", 64 * 64)
        yield


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    base = tmp_path_factory.mktemp("editors")
    return {
        "flux": str(save_flux_fill(base / "flux")),
        "ace": str(save_lora(base / "ace")),
        "qwen": str(save_qwen_image_edit(base / "qwen")),
    }


def specs(folders: dict[str, str]) -> dict[str, ModelSpec]:
    return {
        "ace_plus": ModelSpec(
            type="tpige_kedro.image_editors.ace_plus.AcePlus",
            licence="FLUX.1 [dev] Non-Commercial",
            source=folders["flux"],
            options={**SMALL, "lora": folders["ace"], "max_sequence_length": 96},
        ),
        "qwen_image_edit": ModelSpec(
            type="tpige_kedro.image_editors.qwen_image_edit.QwenImageEdit",
            licence="Apache-2.0",
            source=folders["qwen"],
            options=SMALL,
        ),
    }


@pytest.fixture(scope="module", params=["ace_plus", "qwen_image_edit"])
def editor(request: pytest.FixtureRequest, folders: dict[str, str]) -> ImageEditor:
    loaded: ImageEditor = load_model(specs(folders)[request.param])
    return loaded


class Recorder:
    """A pipeline that remembers its prompt."""

    def __init__(self, pipeline: Any) -> None:
        self.pipeline, self.prompt = pipeline, ""

    def __call__(self, **arguments: Any) -> Any:
        self.prompt = arguments["prompt"]
        return self.pipeline(**arguments)


def draw(editor: ImageEditor, *requests: EditRequest) -> list[np.ndarray]:
    outcomes = [outcome for _, outcome in editor.edit(requests)]
    for outcome in outcomes:
        assert isinstance(outcome, Image.Image), outcome
    return [np.asarray(outcome, dtype=int) for outcome in outcomes]


def ask(seed: int = 1, prompt: str = PROMPT, reference: Image.Image | None = None) -> EditRequest:
    return EditRequest("s1", prompt, reference or picture(0), seed)


def test_seed_prompt_and_reference_decide_the_picture(editor: ImageEditor) -> None:
    first, again, seed, prompt, reference = draw(
        editor,
        ask(),
        EditRequest("s2", PROMPT, picture(0), 1),
        ask(seed=2),
        ask(prompt="a chef in snow"),
        ask(reference=picture(5)),
    )
    assert first.shape == (64, 96, 3)
    np.testing.assert_array_equal(first, again)
    for other in (seed, prompt, reference):
        assert np.abs(first - other).max() > 0


def test_a_request_that_fails_yields_its_exception_and_the_others_go_on(
    editor: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = editor.pipeline.__call__

    def fragile(**arguments: Any) -> Any:
        if "too large" in arguments["prompt"]:
            raise torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate 9 GiB")
        if "broken" in arguments["prompt"]:
            raise RuntimeError("a kernel failed")
        return real(**arguments)

    monkeypatch.setattr(editor, "pipeline", fragile)
    requests = [ask(prompt="too large"), ask(prompt="broken"), ask(seed=3)]
    large, broken, fine = (outcome for _, outcome in editor.edit(requests))
    assert isinstance(large, SampleError)
    assert "out of GPU memory" in str(large) and "offload: model" in str(large)
    assert isinstance(broken, RuntimeError)
    assert isinstance(fine, Image.Image)


def test_the_lora_takes_part(folders: dict[str, str]) -> None:
    spec = specs(folders)["ace_plus"]
    options = {**spec.options, "lora": f"{folders['ace']}/zero.safetensors"}
    file = Path(folders["ace"], "portrait", "comfyui_portrait_lora64.safetensors")
    save_file({k: torch.zeros_like(v) for k, v in load_file(str(file)).items()}, options["lora"])
    without = AcePlus(folders["flux"], **options)
    with_lora: AcePlus = load_model(spec)
    assert np.abs(draw(without, ask())[0] - draw(with_lora, ask())[0]).max() > 0


def test_flux_says_its_licence_aloud_when_it_is_loaded(
    folders: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "tpige_kedro"):
        load_model(specs(folders)["ace_plus"])
    said = [r.getMessage() for r in caplog.records if "Non-Commercial" in r.getMessage()]
    assert len(said) == 1


def test_the_prompt_is_told_to_keep_the_face(
    folders: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, words in (("ace_plus", "Maintain the facial"), ("qwen_image_edit", "Keep the face")):
        editor = load_model(specs(folders)[name])
        recorder = Recorder(editor.pipeline)
        monkeypatch.setattr(editor, "pipeline", recorder)
        draw(editor, ask())
        assert recorder.prompt.startswith(words) and recorder.prompt.endswith(PROMPT)


@pytest.mark.parametrize("cls", [AcePlus, QwenImageEdit])
def test_an_unknown_option_and_an_empty_folder_are_named(
    cls: Any, folders: dict[str, str], tmp_path: Path
) -> None:
    more = {"lora": folders["ace"]} if cls is AcePlus else {}
    with pytest.raises(ValueError, match="stesp"):
        cls(str(tmp_path), stesp=3, **more)
    with pytest.raises(ModelError, match=r"models\.<name>\.source"):
        cls(str(tmp_path), **more)


def test_a_missing_lora_is_named(folders: dict[str, str], tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"comfyui_portrait_lora64\.safetensors.*lora_weights"):
        AcePlus(folders["flux"], lora=str(tmp_path), device="cpu")


@pytest.mark.parametrize(
    ("cls", "model", "part"),
    [
        *((AcePlus, "flux", p) for p in ("transformer", "vae", "text_encoder", "text_encoder_2")),
        *((QwenImageEdit, "qwen", p) for p in ("transformer", "vae", "text_encoder")),
    ],
)
def test_an_editor_with_half_a_network_is_refused(
    cls: Any, model: str, part: str, folders: dict[str, str], tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(folders[model], tmp_path / model))
    (file,) = (folder / part).glob("*.safetensors")
    weights = {name: tensor.clone() for name, tensor in load_file(file).items()}
    lost = max(weights, key=lambda name: (any(map(str.isdigit, name)), weights[name].numel()))
    del weights[lost]
    file.unlink()
    save_file(weights, file, {"format": "pt"})
    more = {"lora": folders["ace"]} if cls is AcePlus else {}
    with pytest.raises(ModelError, match=rf"{part}/{file.name} does not hold a complete .*missing"):
        cls(str(folder), device="cpu", **more)


@pytest.mark.parametrize("part", ["tokenizer", "tokenizer_2", "scheduler", "processor"])
def test_a_small_part_that_is_gone_is_refused(
    part: str, folders: dict[str, str], tmp_path: Path
) -> None:
    cls, model = (QwenImageEdit, "qwen") if part == "processor" else (AcePlus, "flux")
    folder = Path(shutil.copytree(folders[model], tmp_path / model))
    shutil.rmtree(folder / part)
    more = {"lora": folders["ace"]} if cls is AcePlus else {}
    with pytest.raises(ModelError, match=rf"{folder}.* cannot be loaded .*download it again"):
        cls(str(folder), device="cpu", **more)


def test_flux_without_a_picture_beside_the_noise_is_refused(
    folders: dict[str, str], tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(folders["flux"], tmp_path / "flux"))
    sizes = dict(flux_transformer().config)
    FluxTransformer2DModel.from_config({**sizes, "in_channels": 16}).save_pretrained(
        folder / "transformer"
    )
    with pytest.raises(ModelError, match=r"not a FLUX Fill model.*FLUX\.1-Fill-dev"):
        AcePlus(str(folder), lora=folders["ace"], device="cpu")


def test_the_published_settings_are_those_of_the_paper_environment() -> None:
    from kedro.config import OmegaConfigLoader
    from kedro.framework.project import settings
    from kedro.framework.startup import bootstrap_project

    from tpige_kedro.image_editors.ace_plus import PORTRAIT, AcePlusOptions
    from tpige_kedro.image_editors.qwen_image_edit import QwenImageEditOptions
    from tpige_kedro.models import project_root

    bootstrap_project(project_root())
    conf = str(project_root() / settings.CONF_SOURCE)
    loader = OmegaConfigLoader(conf_source=conf, env="paper", **settings.CONFIG_LOADER_ARGS)
    parameters = loader["parameters"]
    models = parameters["models"]
    assert parameters["reference_enhancement"]["editor"] == "ace_plus"
    assert "Non-Commercial" in models["ace_plus"]["licence"]
    options = {k: v for k, v in models["ace_plus"]["options"].items() if "lora" not in k}
    ace = AcePlusOptions(**options)
    assert (ace.height, ace.width, ace.steps, ace.guidance_scale) == (1024, 1024, 28, 50)
    assert ace == AcePlusOptions(dtype="bfloat16"), "the defaults are the published ones too"
    assert models["ace_plus"]["options"]["lora_weights"] == PORTRAIT
    assert QwenImageEditOptions(**models["qwen_image_edit"]["options"]).true_cfg_scale == 4
