"""Who has the lock of a data root: what the lock file says."""

from __future__ import annotations

import json
import os
import shlex
import socket
import sys
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

LONGEST_COMMAND = 200  # characters


@dataclass(frozen=True)
class Holder:
    """Who has the lock: the content of the lock file."""

    host: str
    pid: int
    started: str
    command: str

    def __str__(self) -> str:
        return f"host {self.host}, pid {self.pid}, since {self.started}, {self.command}"

    @property
    def is_here(self) -> bool:
        """Whether it is a process of this host."""
        return self.host == socket.gethostname()

    @property
    def is_dead(self) -> bool:
        """Whether it is known to have ended; unknown for processes of other hosts."""
        return self.is_here and not _is_alive(self.pid)

    def to_json(self) -> bytes:
        """The content of the lock file."""
        return json.dumps(asdict(self), ensure_ascii=False, indent=1).encode() + b"\n"


NOBODY_KNOWN = Holder("unknown", 0, "unknown", "unknown")


def this_process(command: str) -> Holder:
    """This process as a holder, from now on."""
    started = datetime.now().astimezone().isoformat(timespec="seconds")
    return Holder(socket.gethostname(), os.getpid(), started, command)


def this_command() -> str:
    """The command line of this process, as the lock file shows it."""
    program, *arguments = sys.argv or [""]
    name = Path(program).name if Path(program).stem != "__main__" else Path(program).parent.name
    return f"{name or 'python'} {shlex.join(arguments)}".rstrip()[:LONGEST_COMMAND]


def read_holder(handle: int) -> Holder | None:
    """What an open lock file says; None if it is empty or damaged."""
    try:
        os.lseek(handle, 0, os.SEEK_SET)
        content = json.loads(os.read(handle, 4096))
        return Holder(
            str(content["host"]),
            int(content["pid"]),
            str(content["started"]),
            str(content["command"]),
        )
    except (ValueError, KeyError, TypeError):
        return None


def _is_alive(pid: int) -> bool:
    if pid <= 0:
        return False
    if sys.platform == "win32":  # where os.kill(pid, 0) would end it; the heartbeat has to do
        return True
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:  # another user's process
        return True
    return True
