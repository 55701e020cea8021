"""A sealed file is what was written, to the byte, or it is damaged."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tpige_kedro.files.seal import DIGEST, HEAD, Damaged, open_sealed, sealed

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)  # fmt: skip
CONTENTS = st.dictionaries(st.text(), VALUES, min_size=1)
RECORD = {"key": "vace/s1", "fingerprint": "ab" * 16, "output": {"bytes": 3}, "note": "läuft 🏃\n"}


@settings(max_examples=30)
@given(CONTENTS)
def test_what_was_sealed_comes_back(content: dict[str, Any]) -> None:
    assert open_sealed(sealed(content)) == content


@settings(max_examples=30)
@given(CONTENTS)
def test_any_json_reader_opens_it(content: dict[str, Any]) -> None:
    plain = json.loads(sealed(content))
    if "checksum" not in content:
        assert len(plain.pop("checksum")) == DIGEST
        assert plain == content


def test_the_same_content_gives_the_same_bytes() -> None:
    assert sealed(RECORD) == sealed(dict(RECORD))


@given(st.data())
def test_a_single_other_bit_is_noticed(data: st.DataObject) -> None:
    whole = bytearray(sealed(RECORD))
    at, bit = data.draw(st.integers(0, len(whole) - 1)), data.draw(st.integers(0, 7))
    whole[at] ^= 1 << bit
    with pytest.raises(Damaged):
        open_sealed(bytes(whole))


@pytest.mark.parametrize("kept", range(0, len(sealed(RECORD)), 7))
def test_a_cut_is_noticed(kept: int) -> None:
    with pytest.raises(Damaged):
        open_sealed(sealed(RECORD)[:kept])


@pytest.mark.parametrize(
    "data",
    [
        b"", b"{", b"{}", b"[]", b'"text"', b"null", b'{"fingerprint": "f"}', b"\xef\xbb\xbf{}",
        b"\x00\xff", HEAD, sealed(RECORD) + b"\n", b" " + sealed(RECORD),
        sealed(RECORD).replace(b"\n", b"\r\n"), json.dumps(RECORD).encode(),
        json.dumps(json.loads(sealed(RECORD)), indent=1).encode(),
    ],
)  # fmt: skip
def test_what_was_never_sealed_is_damaged(data: bytes) -> None:
    with pytest.raises(Damaged, match="not what was written"):
        open_sealed(data)


def test_an_edited_value_needs_a_new_seal() -> None:
    with pytest.raises(Damaged):
        open_sealed(sealed(RECORD).replace(b'"bytes": 3', b'"bytes": 4'))


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_values_that_json_does_not_have_are_refused(value: float) -> None:
    with pytest.raises(ValueError, match="JSON"):
        sealed({"score": value})


def test_objects_are_refused() -> None:
    with pytest.raises(TypeError):
        sealed({"score": object()})


def test_a_checksum_of_the_contents_own_stays() -> None:
    assert open_sealed(sealed({"checksum": "mine", "a": 1})) == {"checksum": "mine", "a": 1}
