"""Who should be forgotten: a person's samples and photos, from everything on the disk that still names them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from typing import TYPE_CHECKING

from tpige_kedro.commands.records import Record

if TYPE_CHECKING:
    import pandas as pd

INPUTS = ("04_", "05_")  # layers whose items are one per sample or person


@dataclass
class Person:
    """``samples`` are the ids of this person's samples, ``photos`` the names of the reference pictures."""

    person_id: str
    samples: set[str] = field(default_factory=set)
    photos: set[str] = field(default_factory=set)

    @property
    def ids(self) -> set[str]:
        """What names the person: the id itself and those of the samples."""
        return {self.person_id, *self.samples}

    def owns(self, key: str) -> bool:
        """Whether an item of this key is the person's, by its name: ``<variant>/<sample_id>``, ``<sample_id>`` or ``<person_id>``.

        >>> person = Person("ada", {"ada_1"})
        >>> person.owns("vace/ada_1"), person.owns("ada"), person.owns("vace/bob_1")
        (True, True, False)
        """
        return PurePath(key).name in self.ids

    def owns_record(self, record: Record) -> bool:
        """Whether an item shows the person: its record says whom it shows; the key decides if that cannot be read."""
        return self.person_id in record.people if record.people else self.owns(record.key)

    def is_named_in(self, text: str) -> bool:
        """Whether a text contains one of the ids as a whole word."""
        words = "|".join(re.escape(i) for i in sorted(self.ids, key=len, reverse=True))
        return re.search(rf"(?<![\w-])(?:{words})(?![\w-])", text) is not None

    def has_rows_in(self, table: pd.DataFrame) -> bool:
        """Whether a cell of a table is one of the ids."""
        texts = table.select_dtypes(exclude="number")
        return bool(texts.isin(self.ids).to_numpy().any())

    def learn_from_table(self, table: pd.DataFrame) -> None:
        """Note the samples and photos that a table with ``person_id`` lists."""
        if "person_id" not in table:
            return
        mine = table[table["person_id"] == self.person_id]
        for known, column in ((self.samples, "sample_id"), (self.photos, "reference")):
            if column in mine:
                known |= {str(value) for value in mine[column].dropna() if value}

    def learn_from_record(self, record: Record) -> None:
        """Note the sample of an item that shows this person alone, where its key tells one."""
        by_sample = "/" in record.key or record.layer.startswith(INPUTS)
        if record.people == {self.person_id} and by_sample:
            self.samples |= {PurePath(record.key).name} - {self.person_id}

    def took(self, photo: Path) -> bool:
        """Whether a file is one of the person's photos or prompts, by its name or that of its folder."""
        named = {name.rstrip("/") for name in self.photos} | {self.person_id}
        own = {photo.name, photo.stem, photo.parent.name, f"{photo.parent.name}/{photo.name}"}
        return not named.isdisjoint(own) or self.owns(photo.stem)
