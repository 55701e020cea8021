"""What a rehearsal found: a table for the terminal, Markdown, and JSON."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from tpige_kedro.rehearsal.estimate import NEVER_MEASURED, NOT_REHEARSED, Row
from tpige_kedro.rehearsal.settings import Settings
from tpige_kedro.weights.sources import project_root

LIBRARIES = ("torch", "diffusers", "transformers", "kedro")
COLUMNS: Sequence[tuple[str, Callable[[Row], str]]] = (
    ("stage", lambda r: r.stage),
    ("what", lambda r: r.what),
    ("load s", lambda r: number(r.loading, 1)),
    ("item s", lambda r: number(r.item, 2)),
    ("step s", lambda r: number(r.step, 3)),
    ("steps", lambda r: str(r.full_steps or "")),
    ("full item s*", lambda r: number(r.full_item, 1)),
    ("GPU GiB", lambda r: number(r.gpu_allocated, 2)),
    ("reserved", lambda r: number(r.gpu_reserved, 2)),
    ("host GiB", lambda r: number(r.host_resident, 2)),
    ("anonymous", lambda r: number(r.host_anonymous, 2)),
    ("hours*", lambda r: number(r.hours, 2)),
    ("dollars*", lambda r: r.cost_unknown or number(r.dollars, 2)),
    ("problem", lambda r: r.problem),
)
EXPLAINED = (
    "* extrapolated. `item s`: as run, with few steps, saving included. `step s`: median of the measured steps but the first, all "
    "forwards of the guidance included (where a schedule leaves some out, the mean over the configured steps). `full item s`: "
    "that times the configured `steps`, plus what is around the steps. Variants without `item s` were not run: their forwards were counted. `hours`: full items of all samples, plus loading once; one "
    "person per sample. `GPU GiB`: torch's peak of allocated memory, beside it of reserved; `host GiB`: VmHWM (mapped files of "
    "weights included), beside it the peak of RssAnon. Weights are random: pictures are noise, and clips encode "
    "slower than real ones. GB of results: clips as large as real ones are expected to be, variants that were not run included."
)

SHRUNK = (
    "The networks are tiny (--scale tiny): that every stage runs is what this shows. Its hours, GiB and GB are those of tiny networks "
    "and small clips; dollars are those of a full run."
)


def number(value: float | None, digits: int) -> str:
    """A number with some digits, or nothing."""
    return "" if value is None else f"{value:,.{digits}f}"


def facts(settings: Settings) -> dict[str, Any]:
    """The machine, the libraries, the commit, and what was asked."""
    import torch

    found = torch.cuda.device_count() > 0  # asks the driver without taking memory
    versions = {}
    for library in LIBRARIES:
        try:
            versions[library] = version(library)
        except PackageNotFoundError:
            versions[library] = "not installed"
    return {
        "environment": settings.env or "base",
        "scale": settings.scale,
        "device": gpu_name() if found else "no GPU",
        "gpu_limit_gib": settings.gpu_limit,
        "samples": settings.samples,
        "steps": settings.steps,
        **versions,
        "commit": commit(),
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def gpu_name() -> str:
    """The GPU by its driver, so that this process takes no memory of it."""
    try:
        told = subprocess.run(
            ["nvidia-smi", "--query-gpu=name,memory.total", "--format=csv,noheader"],
            capture_output=True,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return "a GPU"
    return told.stdout.splitlines()[0].strip()


def commit() -> str:
    """The commit of the checkout, short; ``unknown`` without git."""
    command = ["git", "-C", str(project_root()), "describe", "--always", "--dirty"]
    try:
        told = subprocess.run(command, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return told.stdout.strip()


@dataclass
class Report:
    """The rows, what they were measured on, and what a run of ``samples`` samples takes."""

    facts: dict[str, Any]
    samples: int
    rows: list[Row] = field(default_factory=list)
    bytes: float = 0.0  # of the results of all samples
    shrunk: bool = False  # networks are tiny ones

    @property
    def problems(self) -> list[Row]:
        """The rows of what did not fit or failed."""
        return [r for r in self.rows if r.problem and not r.problem.startswith(NOT_REHEARSED)]

    def totals(self) -> dict[str, float | None]:
        """Hours, GB of results and dollars for all samples; scoring for the clips of all variants."""
        dollars = [row.dollars for row in self.rows if row.dollars is not None]
        return {
            "samples": float(self.samples),
            "hours": sum(row.hours or 0.0 for row in self.rows),
            "gb": self.bytes / 1e9,
            "dollars": sum(dollars) if dollars else None,
        }

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {**self.facts, "rows": [asdict(row) for row in self.rows], "totals": self.totals()}

    def text(self) -> str:
        """For the terminal."""
        lines = aligned(self._table())
        return "\n".join([*lines, "", *self._notes(), "", self._sentence(), "", EXPLAINED])

    def markdown(self) -> str:
        """The same for a page."""
        head, *body = self._table()
        table = [f"| {' | '.join(line)} |" for line in [head, ["---"] * len(head), *body]]
        told = ", ".join(f"{key} {value}" for key, value in self.facts.items() if value is not None)
        notes = [f"- {note}" for note in self._notes()]
        return (
            "\n".join(
                [f"Rehearsal: {told}.", "", *table, "", self._sentence(), "", EXPLAINED, "", *notes]
            )
            + "\n"
        )

    def write(self, file: Path) -> list[Path]:
        """The table as JSON and Markdown into :meth:`files`, which are returned."""
        file.parent.mkdir(parents=True, exist_ok=True)
        written = self.files(file)
        written[0].write_text(json.dumps(self.to_dict(), indent=2) + "\n")
        written[1].write_text(self.markdown())
        return written

    @staticmethod
    def files(file: Path) -> list[Path]:
        """``file`` with the endings .json and .md."""
        return [file.with_suffix(".json"), file.with_suffix(".md")]

    def _table(self) -> list[list[str]]:
        rows = [[show(row) for _, show in COLUMNS] for row in self.rows]
        used = [i for i in range(len(COLUMNS)) if any(row[i] for row in rows)]
        head = [name for name, _ in COLUMNS]
        return [[row[i] for i in used] for row in [head, *rows]]

    def _notes(self) -> list[str]:
        return [f"{row.stage}: {note}" for row in self.rows for note in dict.fromkeys(row.notes)]

    def _sentence(self) -> str:
        totals = self.totals()
        money = "" if totals["dollars"] is None else f", {totals['dollars']:,.2f} US dollars"
        unmeasured = [row.what for row in self.rows if NEVER_MEASURED in row.notes]
        hours = f" without those of {', '.join(unmeasured)} (not measured)" if unmeasured else ""
        unknown = [f"{row.model} ({row.cost_unknown})" for row in self.rows if row.cost_unknown]
        if unknown:
            money += f"; what is paid for {', '.join(dict.fromkeys(unknown))} comes on top"
        without = " without what has a problem above" if self.problems else ""
        shrunk = f"{SHRUNK}\n" if self.shrunk else ""
        return (
            f"{shrunk}{self.samples:,} samples on this machine, extrapolated{without}: {totals['hours']:,.1f} hours{hours}, "
            f"{totals['gb']:,.1f} GB of results{money}"
        )


def aligned(table: Iterable[Sequence[str]]) -> list[str]:
    """Columns of equal width."""
    rows = [*table]
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return [
        "  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
