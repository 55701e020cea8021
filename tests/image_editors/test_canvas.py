"""Canvas, mask and crop of ACE++ against cases computed by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from tpige_kedro.image_editors.canvas import Layout, compose, crop_target, lay_out

TARGET = (1024, 1024)


@pytest.mark.parametrize(
    ("reference", "target", "canvas", "reference_width", "box"),
    [
        # 2048 x 1024 has 128 * 64 = 8192 tokens; by sqrt(1/2): 1448.2 x 724.1, in patches 1440 x 720
        ((512, 512), TARGET, (1440, 720), 720, (750, 0, 1440, 720)),
        ((3000, 3000), TARGET, (1440, 720), 720, (750, 0, 1440, 720)),
        # 768 + 1024 = 1792 wide: 112 * 64 = 7168 tokens; by 0.7559: 1354.6 x 774.1, the reference 580.5
        ((768, 1024), TARGET, (1344, 768), 576, (606, 0, 1344, 768)),
        # 512 x 256 has 32 * 16 = 512 tokens: nothing is shrunk
        ((100, 100), (256, 256), (512, 256), 256, (286, 0, 512, 256)),
        # 200 x 300 at height 480 is 320 wide; 320 + 832 = 1152: 72 * 30 = 2160 tokens
        ((200, 300), (832, 480), (1152, 480), 320, (350, 0, 1152, 480)),
    ],
)
def test_the_layout(
    reference: tuple[int, int],
    target: tuple[int, int],
    canvas: tuple[int, int],
    reference_width: int,
    box: tuple[int, int, int, int],
) -> None:
    layout = lay_out(reference, target, 4096)
    assert layout == Layout(*canvas, reference_width)
    assert layout.target_box == box
    assert layout.tokens <= 4096


@given(
    reference=st.tuples(st.integers(16, 5000), st.integers(16, 5000)),
    sides=st.tuples(st.integers(16, 96), st.integers(16, 96)),
)
def test_every_layout_is_in_patches_and_small_enough(
    reference: tuple[int, int], sides: tuple[int, int]
) -> None:
    target = (sides[0] * 16, sides[1] * 16)
    try:
        layout = lay_out(reference, target, 4096)
    except ValueError as error:
        assert f"{reference[0]}x{reference[1]}" in str(error)
        return
    assert all(side % 16 == 0 for side in (layout.width, layout.height, layout.reference_width))
    assert layout.tokens <= 4096
    left, _, right, _ = layout.target_box
    assert right - left >= target[0] / 4


def test_a_strip_of_a_picture_is_refused() -> None:
    with pytest.raises(ValueError, match=r"4000x40 pixels.*crop it"):
        lay_out((4000, 40), TARGET, 4096)


def test_the_mask_keeps_the_reference_and_nothing_else() -> None:
    layout = lay_out((100, 100), (256, 256), 4096)
    canvas, mask = compose(Image.new("RGB", (100, 100), "red"), layout)
    pixels, drawn = np.asarray(canvas), np.asarray(mask)
    assert canvas.size == mask.size == (512, 256)
    assert (pixels[:, :256] == (255, 0, 0)).all() and (pixels[:, 256:] == 128).all()
    assert (drawn[:, :256] == 0).all() and (drawn[:, 256:] == 255).all()


def test_the_crop_drops_the_reference_and_the_seam() -> None:
    layout = lay_out((100, 100), (256, 256), 4096)
    canvas = Image.new("RGB", layout.size, "red")
    canvas.paste("blue", (256, 0, 286, 256))
    canvas.paste("green", (286, 0, 512, 256))
    target = crop_target(canvas, layout, (256, 256))
    assert target.size == (256, 256)
    assert target.getcolors() == [(256 * 256, (0, 128, 0))]
