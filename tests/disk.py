"""No test pulls the plug, so none waits for the disk: a run of the project would thirty times, and MLflow's store at each change."""

from __future__ import annotations

import os
import sqlite3
from typing import Any

from sqlalchemy import Engine, event


def do_not_wait() -> None:
    """Take effect in this process; what a killed process has written is there all the same."""
    os.fsync = lambda handle: None
    event.listen(Engine, "connect", _do_not_wait)


def _do_not_wait(connection: Any, record: Any) -> None:
    if isinstance(connection, sqlite3.Connection):
        connection.execute("PRAGMA synchronous=OFF")
