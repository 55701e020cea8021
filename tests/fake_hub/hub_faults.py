"""What can go wrong with a request, on demand."""

from __future__ import annotations

from dataclasses import dataclass, field
from fnmatch import fnmatch

LOGIN_PAGE = (
    b"<!DOCTYPE html><html><title>Campus login</title>Please log in to use the network.</html>"
)


@dataclass
class Fault:
    """What goes wrong with the requests that it fits.

    ``status`` is answered instead (with ``headers`` and ``body``); ``drop_at``: the connection breaks after that many bytes;
    ``content`` is sent instead; ``redirect`` leads there; ``no_range``: ranges are ignored; ``stall``: seconds before the answer.
    """

    where: str = "file"
    repo: str = "*"
    file: str = "*"
    times: int | None = None
    status: int | None = None
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    drop_at: int | None = None
    content: bytes | None = None
    redirect: str | None = None
    no_range: bool = False
    stall: float = 0.0

    def takes(self, where: str, repo: str, file: str) -> bool:
        """Whether this request is broken; counts it."""
        fits = where == self.where and fnmatch(repo, self.repo) and fnmatch(file, self.file)
        if not fits or self.times == 0:
            return False
        self.times = None if self.times is None else self.times - 1
        return True
