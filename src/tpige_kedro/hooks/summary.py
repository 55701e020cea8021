"""What the stages of a run did, as text: the counts that are not zero, one line a stage."""

from __future__ import annotations

from tpige_kedro.execution.tally import Tally, tallies


def summary_table() -> str:
    """What each stage did, all variants together: made now, kept from earlier runs, failed; after a stop also what is left to do."""
    rows = [t for t in stage_totals() if t.total]
    if rows and all(t.kept == t.total for t in rows):
        return f"  nothing was left to do, all {sum(t.kept for t in rows):,} items are kept"
    width = max((len(t.label) for t in rows), default=0)
    return "\n".join(f"  {t.label:{width}} {_counts(t)}" for t in rows)


def stage_totals() -> list[Tally]:
    """The tallies of the variants added up, stage by stage."""
    totals: dict[str, Tally] = {}
    for tally in tallies():
        stage = tally.label.partition(".")[0]
        total = totals.setdefault(stage, Tally(stage))
        total.total += tally.total
        total.kept += tally.kept
        total.made += tally.made
        total.failures += tally.failures
    return list(totals.values())


def _counts(tally: Tally) -> str:
    """The counts that are not zero."""
    counts = {
        "made": tally.made,
        "kept": tally.kept,
        "failed": len(tally.failures),
        "left": tally.unfinished,
    }
    return "".join(f"{count:6,} {word}" for word, count in counts.items() if count)
