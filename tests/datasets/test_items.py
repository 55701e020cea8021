"""What stands for all items of a folder: which there are, in which order, and their contents."""

from __future__ import annotations

import pytest

from tpige_kedro.datasets.items import NONE, Item, Items


def items(**marks: str) -> Items:
    return Items({key: Item(key, mark, None) for key, mark in marks.items()}, {})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "other", [items(a="1", b="3"), items(a="1"), items(b="2", a="1"), items(a="1", c="2"), NONE]
)
def test_another_content_key_or_order_has_another_mark(other: Items) -> None:
    assert other.mark() != items(a="1", b="2").mark() == items(a="1", b="2").mark()


def test_a_part_has_only_what_is_there() -> None:
    assert list(items(a="1", b="2").part(["b", "x"])) == ["b"]
