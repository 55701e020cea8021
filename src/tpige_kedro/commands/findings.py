"""What ``kedro forget`` has found: each with how to delete it, listed by where it lies."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

from tpige_kedro.files.atomic import remove
from tpige_kedro.files.sizes import readable_size

Unit = Literal["file", "entry", "trace", "note"]
PLURALS = {"file": "files", "entry": "entries", "trace": "traces"}


@dataclass(frozen=True)
class Finding:
    """Something of a person: ``count`` of a ``unit`` (files; entries of a file that stays; traces; a note that is not counted).

    ``group`` is the line of the list that counts it, ``name`` what ``--verbose`` shows, ``delete`` makes it go.
    """

    group: str
    name: str
    delete: Callable[[], object]
    unit: Unit = "file"
    count: int = 1
    bytes: int = 0


def file_finding(group: str, file: Path) -> Finding:
    """A file that goes as a whole."""
    return Finding(group, str(file), partial(remove, file), bytes=file.stat().st_size)


def listing(findings: Iterable[Finding], verbose: bool = False) -> str:
    """A line per group: where, how many, how large; with ``verbose`` every single one below it.

    >>> found = [
    ...     Finding("clips", "a.mp4", print, bytes=2000),
    ...     Finding("clips", "_index.json", print, "entry"),
    ... ]
    >>> print(listing(found))
      clips  1 file, 1 entry  2.0 kB
    """
    groups: dict[str, list[Finding]] = {}
    for finding in findings:
        if finding.unit != "note":
            groups.setdefault(finding.group, []).append(finding)
    rows = [
        (group, counted(found), size(sum(f.bytes for f in found)), found)
        for group, found in groups.items()
    ]
    wide = [max((len(row[i]) for row in rows), default=0) for i in (0, 1)]
    lines = []
    for group, count, total, found in rows:
        lines.append(f"  {group:{wide[0]}}  {count:{wide[1]}}  {total}".rstrip())
        lines += [f"    {f.name}" for f in found] if verbose else []
    return "\n".join(lines)


def counted(findings: Iterable[Finding]) -> str:
    """How many files, entries and traces.

    >>> counted([Finding("a", "b", print, "entry", count=3)])
    '3 entries'
    """
    counts = dict.fromkeys(PLURALS, 0)
    for finding in findings:
        if finding.unit != "note":
            counts[finding.unit] += finding.count
    return ", ".join(
        f"{count} {unit if count == 1 else PLURALS[unit]}"
        for unit, count in counts.items()
        if count
    )


def size(count: int) -> str:
    """Bytes for people, nothing for none.

    >>> size(0), size(999), size(1_234_567)
    ('', '999 B', '1.2 MB')
    """
    return readable_size(count) if count else ""
