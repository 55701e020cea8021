"""The votes of a study on the disk: collected from the server's store and from raters' files, kept as one table."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from tpige_kedro.datasets import TableDataset
from tpige_kedro.study.collecting import collect, listed

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Asked:
    """What a study asked: its id, and the ids of its pairs."""

    study: str
    pairs: frozenset[str]


class StudyVotes(TableDataset):
    """The table of votes (``.parquet``, ``.csv``). ``save`` collects the votes about what was :class:`Asked` from the table's folder.

    A loaded table's ``attrs["refused"]`` says in words which files and votes could not be taken.
    """

    def save(self, data: Asked) -> None:  # type: ignore[override]  # saves more than it loads
        """Collect and write. What could not be taken is a warning each."""
        collected = collect(self._filepath.parent, data.study, data.pairs)
        for problem in collected.refused:
            logger.warning("study: %s", problem)
        if collected.unknown:
            logger.warning(
                "study: there are votes about %s, which the study does not show (any more); they do not count",
                listed(collected.unknown),
            )
        votes = collected.votes
        votes.attrs = {"study": data.study, "refused": list(collected.refused)}
        super().save(votes)
