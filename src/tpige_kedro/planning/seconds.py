"""How long an item takes and how large it is: from the records of this data root, else from a rehearsal, else unknown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median

from tpige_kedro.planning.left import Part

AT_MOST = 500  # records read of each part, evenly spaced
TOKENS = ("requests", "answers", "input_tokens", "output_tokens")
UNKNOWN = "unknown"


@dataclass(frozen=True)
class Seconds:
    """Seconds an item and where they come from; None if nobody knows. ``at_least``: something of the item is not in them."""

    value: float | None = None
    source: str = UNKNOWN
    at_least: bool = False


@dataclass(frozen=True)
class Records:
    """What the records of finished items say: ``count`` were read."""

    count: int = 0
    seconds: float | None = None  # median
    bytes: float | None = None  # median
    usage: Counter[str] = field(default_factory=Counter)  # of a language model, summed
    group: str = ""  # the variant that they are of, if it is another one

    def timed(self) -> Seconds:
        """Seconds an item."""
        if self.seconds is None:
            return Seconds()
        of = f" of {self.group}" if self.group else ""
        source = f"median of {self.count:,} record{'s' * (self.count != 1)}{of}"
        return Seconds(self.seconds, source)


def records_of(part: Part) -> Records:
    """What the items that hold say; those of other models or settings say nothing about what is left."""
    read = [part.folder.record_of(key) for key in spaced(part.kept, AT_MOST)]
    seconds = [float(record["seconds"]) for record in read if "seconds" in record]
    sizes = [record["output"]["bytes"] for record in read if "output" in record]
    usage: Counter[str] = Counter()
    for record in read:
        usage.update({name: record.get("usage", {}).get(name, 0) for name in TOKENS})
    return Records(
        len(read), median(seconds) if seconds else None, median(sizes) if sizes else None, usage
    )


def spaced(keys: Sequence[str], count: int) -> list[str]:
    """At most ``count`` of the keys, evenly spaced.

    >>> spaced("abcdefg", 3), spaced("ab", 3)
    (['a', 'c', 'e'], ['a', 'b'])
    """
    if len(keys) <= count:
        return list(keys)
    return [keys[i * len(keys) // count] for i in range(count)]
