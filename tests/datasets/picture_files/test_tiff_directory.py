from __future__ import annotations

import struct

import pytest

from tpige_kedro.datasets.picture_files.tiff_directory import Directory, orientation_of


@pytest.mark.parametrize("prefix", [b"", b"Exif\0\0"])
@pytest.mark.parametrize("kind", [1, 3, 4])
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("value", range(10))
def test_orientation_in_either_byte_order(order: str, kind: int, value: int, prefix: bytes) -> None:
    packed = {1: "B3x", 3: "H2x", 4: "I"}[kind]
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(f"{order}IH", 8, 2)
    other = struct.pack(f"{order}HHII", 0x010F, 2, 4, 0)
    tag = struct.pack(f"{order}HHI{packed}", 0x0112, kind, 1, value)
    assert orientation_of(prefix + head + other + tag) == (value if 1 <= value <= 8 else 0)


def test_a_large_file_form(order: str = "<") -> None:
    head = b"II+\0" + struct.pack("<HHQQ", 8, 0, 16, 2)
    tags = struct.pack("<HHQQ", 258, 3, 1, 16) + struct.pack("<HHQQ", 277, 3, 1, 3)
    directory = Directory(head + tags)
    assert directory.numbers(258) == (16,) and directory.number(277) == 3


@pytest.mark.parametrize(
    "data", [b"", b"II", b"II*\0", b"MM\0*\xff\xff\xff\xff", b"II*\0\x08\0\0\0\xff\xff"]
)
def test_damaged_lists_are_empty(data: bytes) -> None:
    assert Directory(data).entries == [] and orientation_of(data) == 0
