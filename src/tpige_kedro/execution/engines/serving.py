"""What a process of :mod:`~.process_crew` runs: it does the tasks that it receives, in order, until the sender is gone."""

from __future__ import annotations

import os
import pickle
import queue
import sys
import threading
from multiprocessing.connection import Connection
from multiprocessing.reduction import ForkingPickler
from typing import Any

from tpige_kedro.execution.engines.worker import do, hello


def main() -> None:
    """Serve the connection whose descriptor is the last argument."""
    serve(Connection(int(sys.argv[-1])))


def serve(connection: Connection) -> None:
    """Answer messages: first the surroundings, then None (who are you?) or a task and what writes its files."""
    messages: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    threading.Thread(target=receive, args=(connection, messages), daemon=True).start()
    surroundings, has_gpu = pickle.loads(messages.get())
    surroundings.enter(has_gpu)
    while True:
        connection.send_bytes(answered(messages.get()))


def receive(connection: Connection, messages: queue.SimpleQueue[bytes]) -> None:
    """Take messages while another is worked on. When the process that sends them ends, so does this one, whatever it does."""
    while True:
        try:
            messages.put(connection.recv_bytes())
        except (EOFError, OSError):
            os._exit(0)


def answered(message: bytes) -> bytes:
    """The answer, and what went wrong with the message itself, pickled."""
    try:
        asked: Any = pickle.loads(message)
        return bytes(ForkingPickler.dumps((hello() if asked is None else do(*asked), "")))
    except Exception as error:  # the task could not be read, or its answer not be written
        return pickle.dumps((None, f"the task could not be received or returned: {error!r}"))
