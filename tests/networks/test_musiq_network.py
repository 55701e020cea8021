from __future__ import annotations

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tpige_kedro.networks.musiq import Musiq
from tpige_kedro.networks.musiq.tokens import GRID, tokenize

sides = st.integers(1, 600)


@settings(max_examples=15)
@given(sides, sides)
def test_every_size_has_tokens_on_the_grid(height: int, width: int) -> None:
    tokens = tokenize(torch.zeros(1, 3, height, width))
    own = -(-height // 32) * -(-width // 32)
    assert tokens.patches.shape[1] == 49 + 144 + own == len(tokens.place)
    assert int(tokens.place.min()) >= 0
    assert int(tokens.place.max()) < GRID**2
    assert int(tokens.valid.sum()) == tokens.only_valid().patches.shape[1]
    assert set(tokens.scale[tokens.valid].tolist()) == {0, 1, 2}


def test_pictures_of_a_batch_do_not_see_each_other() -> None:
    torch.manual_seed(0)
    network = Musiq().eval()
    pictures = torch.rand(2, 3, 40, 60)
    with torch.inference_mode():
        together = network(pictures)
        alone = torch.cat([network(p[None]) for p in pictures])
    assert torch.allclose(together, alone, atol=1e-5)
    assert abs(float(together[0] - together[1])) > 1e-6
