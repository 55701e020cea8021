import pytest
from hypothesis import given
from hypothesis import strategies as st

from tpige_kedro.prompts.facial.insertions import inserted_spans, same_insertions

WORDS = st.lists(st.sampled_from(["a", "b", "c", ","]), max_size=12)


@given(WORDS, WORDS, st.data())
def test_one_stretch_is_found_as_one(
    words: list[str], added: list[str], data: st.DataObject
) -> None:
    cut = data.draw(st.integers(0, len(words)))
    enhanced = [*words[:cut], *added, *words[cut:]]
    spans = inserted_spans(words, enhanced)
    assert [end - begin for begin, end in spans] == ([len(added)] if added else [])
    if added:
        shifts = set(same_insertions(enhanced, spans[0], 0, len(enhanced)))
        assert (cut, cut + len(added)) in shifts
        assert all([*enhanced[:b], *enhanced[e:]] == words for b, e in shifts)


def test_long_texts_are_aligned_in_their_length() -> None:
    original = [str(number) for number in range(3_000)]
    enhanced = [word for number in original for word in (number, "x")]
    spans = inserted_spans(original, enhanced)
    assert spans == [(2 * number + 1, 2 * number + 2) for number in range(3_000)]


@given(WORDS, WORDS)
def test_what_is_left_is_the_longest_common_part(original: list[str], enhanced: list[str]) -> None:
    spans = inserted_spans(original, enhanced)
    inside = {i for begin, end in spans for i in range(begin, end)}
    rest = iter(original)
    kept = [word for i, word in enumerate(enhanced) if i not in inside]
    assert all(word in rest for word in kept)


@pytest.mark.parametrize(
    ("original", "enhanced", "spans"),
    [
        ("A man walks .", "A man walks .", []),
        ("A man walks .", "A young man with a beard walks .", [(1, 2), (3, 6)]),
        ("", "a man", [(0, 2)]),
        ("a b", "", []),
        ("A man in a coat", "A man in a coat in a coat", [(5, 8)]),
    ],
)
def test_spans(original: str, enhanced: str, spans: list[tuple[int, int]]) -> None:
    assert inserted_spans(original.split(), enhanced.split()) == spans
