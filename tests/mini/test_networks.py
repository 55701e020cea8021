from __future__ import annotations

from pathlib import Path

import pytest
import torch

from tpige_kedro.errors import ModelError
from tpige_kedro.mini.judges_training.judge_attributes import WIDTHS
from tpige_kedro.mini.networks.alignment import MAX_WORDS, TextFrameAlignment, build_vocabulary
from tpige_kedro.mini.networks.attribute_reader import AttributeReader
from tpige_kedro.mini.networks.checkpoint import load_network, save_network
from tpige_kedro.mini.networks.face_encoders import (
    ConvNextFaceEncoder,
    ResidualFaceEncoder,
    SqueezeFaceEncoder,
)
from tpige_kedro.mini.networks.face_locator import FaceLocator, Heads, crop_heads
from tpige_kedro.mini.networks.frame_interpolator import FrameInterpolator, warp
from tpige_kedro.mini.networks.image_quality import ImageQuality, quality
from tpige_kedro.mini.networks.judge import SceneJudge
from tpige_kedro.mini.networks.margins import CurricularLogits, arcface_logits, cosface_logits

LIMIT = 3_600_000  # numbers in all checkpoints together: 7.2 MB in half precision


@pytest.mark.parametrize("cls", [ResidualFaceEncoder, ConvNextFaceEncoder, SqueezeFaceEncoder])
def test_a_checkpoint_comes_back_as_it_was_up_to_half_precision(cls: type, tmp_path: Path) -> None:
    network = cls().eval()
    save_network(network, tmp_path)
    again = load_network(cls, tmp_path)
    crops = torch.randn(3, 3, 40, 40)
    with torch.no_grad():
        assert torch.allclose(network(crops), again(crops), atol=5e-3)
        assert torch.allclose(again(crops).norm(dim=1), torch.ones(3), atol=1e-5)


def test_settings_of_a_network_are_kept(tmp_path: Path) -> None:
    vocabulary = build_vocabulary(["A man.", "a pale-skinned woman, waving"])
    network = TextFrameAlignment(vocabulary).eval()
    save_network(network, tmp_path, {"vocabulary": vocabulary})
    again = load_network(TextFrameAlignment, tmp_path)
    assert again.index == network.index
    assert torch.equal(again.tokenize(["a man"]), network.tokenize(["a man"]))


def test_the_judge_reads_attributes_with_a_network_of_its_own_width(tmp_path: Path) -> None:
    network = AttributeReader(WIDTHS).eval()
    save_network(network, tmp_path, {"widths": WIDTHS})
    assert (tmp_path / "model.safetensors").stat().st_size <= 400_000
    crops = torch.rand(2, 3, 48, 48)
    with torch.no_grad():
        before, again = (n(crops) for n in (network, load_network(AttributeReader, tmp_path)))
    assert all(torch.allclose(before[name], again[name], atol=5e-3) for name in before)
    assert WIDTHS != (24, 40, 64, 88, 24)  # the reader of prompt enhancement


def test_missing_wrong_and_broken_checkpoints_say_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"config\.json is missing.*train_mini"):
        load_network(FaceLocator, tmp_path)
    save_network(ImageQuality(), tmp_path)
    with pytest.raises(ModelError, match="holds a ImageQuality, not a FaceLocator"):
        load_network(FaceLocator, tmp_path)
    config = tmp_path / "config.json"
    config.write_text(config.read_text().replace("ImageQuality", "FaceLocator"))
    with pytest.raises(
        ModelError, match=r"does not hold a complete FaceLocator: .* missing .*train_mini"
    ):
        load_network(FaceLocator, tmp_path)


def test_all_networks_together_stay_small() -> None:
    vocabulary = [str(i) for i in range(130)]
    networks = [
        *(FaceLocator(), FaceLocator(), ResidualFaceEncoder(), ConvNextFaceEncoder()),
        *(SqueezeFaceEncoder(), AttributeReader(), FrameInterpolator(), ImageQuality()),
        *(SceneJudge(), TextFrameAlignment(vocabulary), AttributeReader(WIDTHS)),
    ]
    assert sum(v.numel() for n in networks for v in n.state_dict().values()) <= LIMIT


def test_a_crop_is_centred_on_the_head_and_scaled_with_it() -> None:
    frames = -torch.ones(2, 3, 80, 80)
    frames[0, :, 20:28, 50:58] = 1  # centre (54, 24), half a side 4 pixels
    frames[1, :, 8:72, 8:72] = 1
    heads = Heads(
        torch.ones(2),
        torch.tensor([54 / 40 - 1, 0.0]),
        torch.tensor([24 / 40 - 1, 0.0]),
        torch.tensor([0.1, 0.8]),
    )
    small, large = crop_heads(frames, heads, side=40, margin=2.0)
    assert small.mean().item() == pytest.approx(0.25 * 1 - 0.75, abs=0.02)  # 8 of 16 pixels wide
    assert torch.allclose(small, small.flip(-1), atol=1e-4)
    assert torch.allclose(small, small.flip(-2), atol=1e-4)
    assert large.mean().item() == pytest.approx(-1 + 2 * (64 / 128) ** 2, abs=0.35)
    assert (large[:, 20, 20] == 1).all()


def test_warping_follows_the_flow() -> None:
    images = torch.rand(1, 3, 16, 16)
    flow = torch.zeros(1, 2, 16, 16)
    assert torch.allclose(warp(images, flow), images, atol=1e-5)
    flow[:, 0] = 3.0
    assert torch.allclose(warp(images, flow)[..., :-3], images[..., 3:], atol=1e-5)


def test_every_fault_lowers_quality_and_none_leaves_it_whole() -> None:
    severities = torch.tensor([[0.0, 0.0, 0.0, 0.0], [0.5, 0.0, 0.0, 0.0], [0.5, 0.5, 0.0, 0.0]])
    assert quality(severities).tolist() == [1.0, 0.5, 0.25]


@pytest.fixture
def cosines() -> tuple[torch.Tensor, torch.Tensor]:
    torch.manual_seed(3)
    return (2 * torch.rand(6, 9) - 1) * 0.9, torch.randint(0, 9, (6,))


def test_arcface_adds_the_margin_to_the_angle(cosines: tuple[torch.Tensor, torch.Tensor]) -> None:
    values, person = cosines
    logits = arcface_logits(values, person, margin=0.3, scale=10.0)
    expected = values.clone()
    for row, column in enumerate(person.tolist()):
        expected[row, column] = torch.cos(torch.acos(values[row, column]) + 0.3)
    assert torch.allclose(logits, 10 * expected, atol=1e-4)


def test_cosface_takes_the_margin_off_the_cosine(
    cosines: tuple[torch.Tensor, torch.Tensor],
) -> None:
    values, person = cosines
    off = values - cosface_logits(values, person, margin=0.3, scale=1.0)
    assert torch.allclose(off, 0.3 * torch.nn.functional.one_hot(person, 9), atol=1e-6)


def test_curricularface_reweighs_hard_negatives_only(
    cosines: tuple[torch.Tensor, torch.Tensor],
) -> None:
    values, person = cosines
    module = CurricularLogits(scale=1.0, momentum=0.0)
    logits = module(values, person, margin=0.3)
    right = values.gather(1, person[:, None])
    t = right.mean()
    assert module.t.item() == pytest.approx(t.item())
    target = torch.cos(torch.acos(right) + 0.3)
    for row in range(6):
        for column in range(9):
            c = values[row, column]
            hard = c > target[row, 0]
            expected = target[row, 0] if column == person[row] else (c * (t + c) if hard else c)
            assert logits[row, column].item() == pytest.approx(expected.item(), abs=1e-5)


def test_a_text_of_any_length_becomes_words_and_an_end() -> None:
    network = TextFrameAlignment(build_vocabulary(["a knight, waving."]))
    ids = network.tokenize(["A KNIGHT waving", "", "knight " * 500])
    assert ids.shape == (3, MAX_WORDS)
    assert (ids[0, 4:] == 0).all()
    assert ids[1].tolist() == [2] + [0] * (MAX_WORDS - 1)
    with torch.no_grad():
        vectors = network.eval().texts(ids)
    assert torch.isfinite(vectors).all()


def test_padding_does_not_change_a_text() -> None:
    network = TextFrameAlignment(build_vocabulary(["a knight, waving."])).eval()
    with torch.no_grad():
        short = network.texts(network.tokenize(["a knight"]))
        padded = network.texts(network.tokenize(["a knight"], length=40))
    assert torch.allclose(short, padded, atol=1e-5)
