from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tpige_kedro.metrics.frame_sampling import distinct_indices, even_indices

counts = st.integers(2, 64)


@given(st.integers(1, 5000), st.sampled_from([8, 16, 32]))
def test_equals_numpy(total: int, count: int) -> None:
    assert even_indices(total, count) == np.linspace(0, total - 1, count, dtype=int).tolist()


@given(st.integers(1, 5000), counts)
def test_distinct_indices_never_repeat_and_reach_both_ends(total: int, count: int) -> None:
    indices = distinct_indices(total, count)
    assert len(set(indices)) == len(indices) == min(total, count)
    assert indices[0] == 0 and indices[-1] == total - 1


def test_the_published_clip_length() -> None:
    expected = [0, 5, 10, 16, 21, 26, 32, 37, 42, 48, 53, 58, 64, 69, 74, 80]
    assert even_indices(81, 16) == distinct_indices(81, 16) == expected
    assert even_indices(5, 1) == [0]


@pytest.mark.parametrize("sample", [even_indices, distinct_indices])
@pytest.mark.parametrize(("total", "count"), [(0, 16), (5, 0)])
def test_nothing_to_sample(sample, total: int, count: int) -> None:
    with pytest.raises(ValueError, match=f"{count} of {total} frames"):
        sample(total, count)
