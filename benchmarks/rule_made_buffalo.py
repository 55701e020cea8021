"""``buffalo_l`` with seeded weights, which the rehearsal builds, too; for ``scoring.py``."""

from tpige_kedro.rehearsal.layouts.buffalo import detector, recogniser, write_buffalo

__all__ = ["detector", "recogniser", "write_buffalo"]
