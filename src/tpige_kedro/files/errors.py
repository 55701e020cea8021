"""Errors of files and datasets: of this project's family, and of Kedro's, which passes them on as they are."""

from __future__ import annotations

import kedro.io

from tpige_kedro.errors import TpigeError


class DatasetError(TpigeError, kedro.io.DatasetError):
    """A file or folder cannot be read or written: which, why, and what to do.

    Kedro wraps whatever else a dataset raises into its own ``DatasetError``; ``except kedro.io.DatasetError`` takes both.
    """
